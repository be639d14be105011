"""The energy score of an ensemble."""

from __future__ import annotations

import torch
from torch import Tensor

from .over_members import OverMembers


class EnergyScore(OverMembers):
    """The almost fair energy score of members, each a whole state, against the truth.

    For members x and truth y, of each sample and lead time, it is

        mean_i |x_i - y| - (1 - e) / (2 M (M - 1)) sum_ij |x_i - x_j|   with   e = (1 - alpha) / M

    where the size of a difference of states is the root of the weighted mean of its squares over cells and
    variables (Gneiting and Raftery, "Strictly proper scoring rules, prediction, and estimation", 2007). The
    CRPS is the same of one number; the energy score sees how variables and places go together as well, if
    less sharply than each by itself. With one member it is the root-mean-square error.

    Parameters
    ----------
    domain, alpha
        As for ``crps``.
    """

    def forward(self, prediction: Tensor, target: Tensor, weights: Tensor) -> Tensor:
        """See :meth:`.Loss.forward`."""
        members, *rest = prediction.shape[2:]
        states = (weights.sqrt() * prediction).flatten(3)  # (batch, time, ensemble, grid x outputs)
        truths = (weights.sqrt() * target).flatten(3)
        score = _distances(states, truths).mean()
        if members > 1:
            pairs = members * (members - 1)
            between = _distances(states, states).sum(dim=(2, 3)).mean() / (2 * pairs)
            score = score - self.spread_share(members) * between
        value: Tensor = score / (rest[0] * rest[1]) ** 0.5
        return value


def _distances(one: Tensor, other: Tensor) -> Tensor:
    """How far each of some states is from each of others; the gradient of no distance is zero."""
    return torch.cdist(one, other, compute_mode="donot_use_mm_for_euclid_dist")  # or small ones lose digits
