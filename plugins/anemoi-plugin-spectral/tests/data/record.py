"""Record what torch-harmonics gives, so that the tests need not install it.

pip install torch-harmonics==0.9.3
python tests/data/record.py
"""

from pathlib import Path

import numpy as np
import torch
from torch_harmonics import RealSHT, SpectralConvS2


def main() -> None:
    """Write torch_harmonics.npz beside this file."""
    numbers = np.random.RandomState(0)
    found = {}
    for grid, rows, degrees in (("legendre-gauss", 8, 8), ("equiangular", 9, 5)):
        field = numbers.standard_normal((2, rows, 16)).astype(np.float32)
        transform = RealSHT(rows, 16, lmax=degrees, mmax=degrees, grid=grid)
        found[f"{grid} field"] = field
        found[f"{grid} coefficients"] = transform(torch.from_numpy(field).double()).numpy()
    convolution = SpectralConvS2((8, 16), (8, 16), 2, 2, grid_in="legendre-gauss", grid_out="legendre-gauss")
    weights = (numbers.standard_normal((1, 2, 2, 8, 2)).astype(np.float32) @ np.array([1, 1j])).astype(
        np.complex64
    )
    with torch.no_grad():
        convolution.weight.copy_(torch.from_numpy(weights))
        found["convolved"] = convolution(torch.from_numpy(found["legendre-gauss field"])[None])[0].numpy()
    found["weights"] = weights[0]  # (in, out, degrees)
    np.savez_compressed(Path(__file__).with_name("torch_harmonics.npz"), **found)


if __name__ == "__main__":
    main()
