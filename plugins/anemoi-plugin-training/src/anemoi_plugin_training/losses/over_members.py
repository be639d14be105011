"""What scores over members have in common."""

from __future__ import annotations

from anemoi.core.domain import Domain
from anemoi.core.errors import ConfigError
from torch import Tensor

from ..interfaces.loss import Loss


class OverMembers(Loss):
    """A score over members that is fair, nearly so, or biased.

    Of one member it is the distance from the truth, which a fair score leaves without a spread to be judged
    by: so two are the least that it is trained with.

    Parameters
    ----------
    domain
        As for every :class:`.Loss`.
    alpha
        The share of the fair score, within [0, 1].

    Raises
    ------
    ConfigError
        If ``alpha`` is not within [0, 1].
    """

    scores_members = True

    def __init__(self, *, domain: Domain, alpha: float = 0.95) -> None:
        super().__init__(domain=domain)
        if not 0 <= alpha <= 1:
            raise ConfigError(f"alpha is {alpha:g}.", fix="Choose one from 0 (biased) to 1 (fair).")
        self.alpha, self.least_members = alpha, 2 if alpha == 1 else 1

    def spread_share(self, members: int) -> float:
        """How much half the mean distance between two different members counts."""
        return 1 - (1 - self.alpha) / members

    def crps(self, prediction: Tensor, target: Tensor) -> Tensor:
        """Score each number by itself; of several truths the mean.

        Parameters
        ----------
        prediction, target
            ``(batch, time, ensemble, ...)``, the target of as many members or of one.

        Returns
        -------
        Tensor
            ``(batch, time, ...)``.
        """
        scores = [self._crps(prediction - truth.unsqueeze(2)) for truth in target.unbind(2)]
        return sum(scores[1:], scores[0]) / len(scores)

    def _crps(self, error: Tensor) -> Tensor:
        members = error.shape[2]
        if members == 1:
            return error.abs().squeeze(2)
        # In order of size, sum_ij |x_i - x_j| / 2 is sum_i (2 i - M - 1) x_i: M numbers instead of M^2, and
        # no term of the mean below is negative, so nothing cancels where errors are small.
        ordered = error.sort(dim=2).values
        rank = ordered.new_tensor(range(1 - members, members, 2)).view(-1, *(1,) * (error.dim() - 3))
        return (ordered.abs() - self.spread_share(members) / (members - 1) * rank * ordered).mean(dim=2)
