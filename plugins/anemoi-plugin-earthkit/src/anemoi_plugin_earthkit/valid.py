"""Values that a variable of NetCDF declares to be none, by the range that all others lie in."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray


def valid(values: NDArray[np.float32], array: Any) -> NDArray[np.float32]:
    """Make NaN of what lies outside ``valid_range``, or ``valid_min`` and ``valid_max``.

    Those are of the values as they are packed, unless they have the type of ``scale_factor`` (section 2.5.1
    of the CF conventions). xarray leaves them to its users.

    Parameters
    ----------
    values
        Of a field, unpacked.
    array
        The variable as xarray has it.
    """
    lowest, highest = _range(array.attrs)
    if lowest is None and highest is None:
        return values
    packing = array.encoding
    scale, offset = packing.get("scale_factor", 1.0), packing.get("add_offset", 0.0)
    packed = np.dtype(packing.get("dtype", values.dtype))
    inside = np.ones(values.shape, dtype=bool)
    with np.errstate(invalid="ignore"):
        for bound, sign in ((lowest, 1), (highest, -1)):
            if bound is None:
                continue
            if packed.kind in "iu" and np.asarray(bound).dtype.kind in "iu":
                # Half a step beyond it, for unpacking rounds.
                bound, sign = (bound - sign * 0.5) * scale + offset, sign * np.sign(scale)
            inside &= sign * values >= sign * np.float32(bound)
    return np.where(inside, values, np.float32(np.nan))


def _range(attributes: Any) -> tuple[Any, Any]:
    both = attributes.get("valid_range")
    if both is not None and np.size(both) == 2:
        lowest, highest = both
        return lowest, highest
    return attributes.get("valid_min"), attributes.get("valid_max")
