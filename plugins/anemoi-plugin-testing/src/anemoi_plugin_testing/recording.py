"""What one implementation of a layer gave, recorded, so that another can be held against it.

Weights are not recorded: both sides fill theirs by one formula (:func:`numbers`), so a recording is a few
kilobytes of inputs, outputs and gradients, and the implementation that gave them need not be installed.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
import torch
from anemoi.core.graph import Edges, Nodes
from torch import Tensor, nn
from torch.func import functional_call

_GRAPH: dict[str, type[Nodes] | type[Edges]] = {"Nodes": Nodes, "Edges": Edges}


def numbers(name: str, shape: tuple[int, ...]) -> Tensor:
    """Numbers that look random but follow from the name, the same on every machine, float64.

    They are uniform, with a variance of one over the last dimension: so weights of these numbers neither
    blow up nor fade away what they multiply. A hash of the position (splitmix64; Steele et al., "Fast
    splittable pseudorandom number generators", 2014) makes them.
    """
    x = np.arange(int(np.prod(shape)), dtype=np.uint64) + np.uint64(zlib.crc32(name.encode()) << 32)
    x = (x + np.uint64(1)) * np.uint64(0x9E3779B97F4A7C15)
    x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    uniform = ((x ^ (x >> np.uint64(31))) >> np.uint64(11)).astype(np.float64) / 2.0**52 - 1.0
    scale = (3.0 / shape[-1]) ** 0.5 if len(shape) > 1 else 0.5
    return torch.from_numpy(uniform.reshape(shape) * scale)


def weights(layer: nn.Module) -> dict[str, Tensor]:
    """A value for each parameter of a layer, made from its name and shape, in its type."""
    return {name: numbers(name, tuple(p.shape)).to(p.dtype) for name, p in layer.named_parameters()}


Forward = Callable[[Mapping[str, Tensor], Mapping[str, Tensor]], Tensor]
"""What takes named weights and named inputs to an output."""


def results(
    forward: Forward, weights: Mapping[str, Tensor], inputs: Mapping[str, Tensor]
) -> dict[str, Tensor]:
    """The output, and the gradients of a weighted sum of it with respect to all weights and inputs.

    Returns
    -------
    dict
        ``output``, ``gradient.NAME`` for each weight and ``gradient.input.NAME`` for each input.
    """
    free = {**weights, **{f"input.{name}": value for name, value in inputs.items()}}
    free = {name: value.detach().clone().requires_grad_() for name, value in free.items()}
    output = forward({name: free[name] for name in weights}, {name: free[f"input.{name}"] for name in inputs})
    weighted = (output * numbers("weight of the output", tuple(output.shape)).to(output)).sum()
    gradients = torch.autograd.grad(weighted, list(free.values()), allow_unused=True, materialize_grads=True)
    named = {f"gradient.{name}": gradient for name, gradient in zip(free, gradients, strict=True)}
    return {"output": output.detach(), **named}


def errors(ours: Mapping[str, Tensor], theirs: Mapping[str, Tensor]) -> dict[str, float]:
    """By how much each result is off: the largest difference over the largest value.

    A result that is all but zero beside the others of its kind is measured by theirs: it is a sum in
    which everything cancels, and what is left is rounding.
    """
    largest = max(float(value.abs().max()) for name, value in theirs.items() if name != "output")
    return {
        name: float((ours[name].double() - value.double()).abs().max())
        / max(float(value.abs().max()), 1e-2 * largest)
        for name, value in theirs.items()
        if value.numel()
    }


def _parts(value: Nodes | Edges) -> Iterator[tuple[str, Any]]:
    """The arrays of nodes or edges by name; an attribute of nodes is named ``attributes/NAME``."""
    for field in fields(value):
        part = getattr(value, field.name)
        if isinstance(part, Mapping):
            yield from ((f"{field.name}/{name}", array) for name, array in part.items())
        else:
            yield field.name, part


@dataclass(frozen=True)
class Recording:
    """What a layer gave for these arguments and inputs.

    Parameters
    ----------
    arguments
        Of the constructor: nodes, edges, and options that JSON can hold.
    inputs
        Of ``forward``, by name, float64.
    results
        As :func:`results` gives them, float64.
    """

    arguments: Mapping[str, Any]
    inputs: Mapping[str, Tensor]
    results: Mapping[str, Tensor]

    def errors(self, layer: Callable[..., nn.Module], dtype: torch.dtype) -> dict[str, float]:
        """How far a layer is off what was recorded, by result; see :func:`errors`."""
        ours = layer(**self.arguments).to(dtype)
        inputs = {name: value.to(dtype) for name, value in self.inputs.items()}

        def forward(weights: Mapping[str, Tensor], inputs: Mapping[str, Tensor]) -> Tensor:
            out: Tensor = functional_call(ours, dict(weights), (), dict(inputs))
            return out

        return errors(results(forward, weights(ours), inputs), self.results)

    def save(self, path: Path) -> None:
        """Write it to an ``.npz`` file."""
        arrays: dict[str, Any] = {}
        options: dict[str, Any] = {}
        for name, value in self.arguments.items():
            if isinstance(value, (Nodes, Edges)):
                arrays |= {f"{type(value).__name__}/{name}/{key}": part for key, part in _parts(value)}
            else:
                options[name] = value
        arrays |= {f"input/{name}": value for name, value in self.inputs.items()}
        arrays |= {f"result/{name}": value for name, value in self.results.items()}
        plain = {name: np.asarray(value) for name, value in arrays.items()}
        np.savez_compressed(path, **{"options": np.asarray(json.dumps(options)), **plain})  # type: ignore[arg-type]

    @classmethod
    def load(cls, path: Path) -> Recording:
        """Read it back."""
        with np.load(path, allow_pickle=False) as file:
            read = {name: file[name] for name in file.files}
        arguments: dict[str, Any] = json.loads(str(read.pop("options")))
        parts: dict[tuple[str, str], dict[str, Any]] = {}
        tensors: dict[str, dict[str, Tensor]] = {"input": {}, "result": {}}
        for key, array in read.items():
            kind, _, name = key.partition("/")
            if kind in tensors:
                tensors[kind][name] = torch.from_numpy(array)
            else:
                name, field, *attribute = name.split("/", 2)
                names = array.dtype.kind == "U"  # the names of attributes
                value = tuple(map(str, array)) if names else torch.from_numpy(array)
                found = parts.setdefault((kind, name), {})
                if attribute:  # of nodes: they have names of their own
                    found.setdefault(field, {})[attribute[0]] = value
                else:
                    found[field] = value
        for (kind, name), values in parts.items():
            arguments[name] = _GRAPH[kind](**values)
        return cls(arguments, tensors["input"], tensors["result"])
