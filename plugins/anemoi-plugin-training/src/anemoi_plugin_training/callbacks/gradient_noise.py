"""Noise on the gradients."""

from __future__ import annotations

from typing import Annotated

import torch
from pydantic import Field

from ..interfaces.callback import Callback, Moment
from ..sharding import share_out


class GradientNoise(Callback):
    """Adds noise to the gradient that dies away, which helps deep networks out of poor beginnings.

    Its variance at step ``t``, counted from one, is ``variance / t**decay`` (Neelakantan et al., "Adding
    gradient noise improves learning for very deep networks", 2015).

    Parameters
    ----------
    variance
        That of the first step.
    decay
        How fast it falls.
    """

    def __init__(
        self,
        *,
        variance: Annotated[float, Field(gt=0)] = 1e-4,
        decay: Annotated[float, Field(ge=0)] = 0.55,
    ) -> None:
        self.variance, self.decay = variance, decay

    def before_step(self, moment: Moment) -> None:
        """See :meth:`.Callback.before_step`."""
        stdev = (self.variance / moment.step**self.decay) ** 0.5
        groups = [group for each in moment.optimisers for group in each.param_groups]
        for parameter in (each for group in groups for each in group["params"]):
            if parameter.grad is not None:
                noise = torch.randn(parameter.grad.shape, generator=moment.generator, dtype=parameter.dtype)
                parameter.grad += stdev * share_out(noise, parameter.grad)
