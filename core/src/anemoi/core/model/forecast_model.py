"""A network with the transforms of each domain: what an objective trains and forecasts with."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import cast

import torch
from torch import Tensor, nn

from ..domain import Domain
from ..interfaces.model import Fields, Model
from ..interfaces.objective import Objective
from ..steps import Steps
from ..transforms import Chain


class ForecastModel(nn.Module):
    """Takes normalised inputs to normalised outputs, and knows the way between these and the data.

    Calling it runs the network and enforces what the transforms ask of its outputs: bounds, missing values.
    An objective that needs the bare network has :attr:`network`, and :meth:`enforce` for what it makes of it.

    Parameters
    ----------
    network
        Built for what the transforms make of the domains.
    transforms
        The chain of each domain.
    steps
        When the states lie that one step takes and gives.
    objective
        How it is trained, and how a forecast advances.
    """

    def __init__(
        self,
        *,
        network: Model,
        transforms: Mapping[str, Chain],
        steps: Mapping[str, Steps],
        objective: Objective,
    ) -> None:
        super().__init__()
        self.network, self.objective = network, objective
        self.transforms = nn.ModuleDict(transforms)
        self.steps = dict(steps)

    @property
    def domains(self) -> dict[str, Domain]:
        """Each domain as the data have it."""
        return {name: self.chain(name).before for name in self.transforms}

    @property
    def normalised(self) -> dict[str, Domain]:
        """Each domain as the network sees it."""
        return {name: self.chain(name).after for name in self.transforms}

    def chain(self, name: str) -> Chain:
        """The transforms of one domain."""
        return cast(Chain, self.transforms[name])

    def forward(self, fields: Fields, condition: Tensor | None = None) -> dict[str, Tensor]:
        """Predict the outputs, and enforce what must hold of them.

        Parameters
        ----------
        fields
            For each domain ``(batch, time in, ensemble, grid, inputs)``, normalised.
        condition
            Of the shape that :meth:`condition_shape` gives, or None.

        Returns
        -------
        dict
            For each domain with outputs ``(batch, time out, ensemble, grid, outputs)``, normalised.
        """
        return self.enforce(self.network(fields, condition))

    def condition_shape(self, batch: int, members: int) -> tuple[int, ...] | None:
        """The shape of the condition that the network was built for; None if for none.

        It is ``(batch, ensemble, condition_channels)``, or with numbers of its own at each hidden node
        ``(batch, ensemble, hidden nodes, condition_channels)``.
        """
        channels = self.objective.condition_channels
        if not channels:
            return None
        nodes = (len(self.network.condition_nodes),) if self.objective.condition_on_nodes else ()
        return (batch, members, *nodes, channels)

    def with_network(self, number: int) -> ForecastModel:
        """The same with one of the networks that its own has; behind the last comes the first again."""
        networks = self.network.networks
        if len(networks) == 1:
            return self
        one = ForecastModel(
            network=networks[number % len(networks)],
            transforms={name: self.chain(name) for name in self.transforms},
            steps=self.steps,
            objective=self.objective,
        )
        return one.train(self.training)

    def advance(self, inputs: Fields, generator: torch.Generator) -> dict[str, Tensor]:
        """Forecast one step, as the objective does it: see :meth:`Objective.advance`."""
        return self.objective.advance(self, inputs, generator)

    def enforce(self, outputs: Fields) -> dict[str, Tensor]:
        """Bring normalised outputs within bounds, and to what is filled in where they are missing."""
        return {name: self.chain(name).enforce(values) for name, values in outputs.items()}

    def enforce_inputs(self, inputs: Fields) -> dict[str, Tensor]:
        """Bring the prognostic variables of normalised inputs within bounds, and to what is filled in.

        Parameters
        ----------
        inputs
            For each domain ``(..., grid, inputs)``, which are left alone.
        """
        found = {}
        for name, values in inputs.items():
            domain = self.chain(name).after
            ours, theirs = (
                [among.index(variable) for variable in domain.prognostic]
                for among in (domain.inputs, domain.outputs)
            )
            outputs = values.new_zeros(*values.shape[:-1], len(domain.outputs))
            outputs[..., theirs] = values[..., ours]
            found[name] = values.clone()
            found[name][..., ours] = self.chain(name).enforce(outputs)[..., theirs]
        return found

    def normalise(self, name: str, values: Tensor, variables: Sequence[str]) -> Tensor:
        """Bring values of a domain, ``(..., grid, variables)``, from the data's space to the network's."""
        return cast(Tensor, self.chain(name)(values, variables))

    def denormalise(self, name: str, outputs: Tensor) -> Tensor:
        """Bring normalised outputs of a domain back to values of its ``outputs``, as the data have them."""
        chain = self.chain(name)
        return chain.inverse(outputs, chain.before.outputs)

    def missing(self, name: str, values: Tensor, variables: Sequence[str]) -> Tensor | None:
        """Where values as the data have them are NaN, under the names the network has; None if nowhere.

        Parameters
        ----------
        values
            ``(..., grid, variables)``.
        """
        domain, chain = self.chain(name).before, self.chain(name)
        if not any(domain[variable].may_be_missing for variable in variables):
            return None
        absent = [
            values[..., [column]].isnan().expand(*values.shape[:-1], len(chain.renamed([variable])))
            for column, variable in enumerate(variables)
        ]
        return torch.cat(absent, dim=-1)
