"""A convolution of torch-geometric by its name, with options that are checked against its constructor."""

from __future__ import annotations

import copy
import difflib
import inspect
import typing
from collections.abc import Iterable, Mapping
from typing import Any

import torch
from anemoi.core.errors import ConfigError
from anemoi_plugin_layers import head_channels
from pydantic import PydanticSchemaGenerationError, PydanticUserError, TypeAdapter, ValidationError
from torch import Tensor, nn

_CHANNELS = ("in_channels", "out_channels", "channels")
_EDGE_CHANNELS = ("edge_dim", "in_edge_channels")
_REFUSED = {"cached": "it would keep the edges of the first batch for batches of any size"}
_SCOPE = "model.processor.options"


class Convolution(nn.Module):
    """One convolution, with ``channels`` in and out.

    Parameters
    ----------
    name
        Its class in ``torch_geometric.nn``.
    channels
        Of a node, before and after.
    edge_channels
        Of an edge; those that a convolution does not take are left out.
    options
        Of its constructor, besides the sizes.

    Raises
    ------
    ConfigError
        If there is no such convolution, it needs more than the states of nodes and the features of edges,
        or it does not take the options.
    """

    def __init__(self, name: str, *, channels: int, edge_channels: int, options: Mapping[str, Any]) -> None:
        super().__init__()
        kind = _find(name)
        forward = inspect.signature(kind.forward).parameters
        _check_forward(name, forward.values())
        self.takes_edges = False
        sizes: dict[str, int] = {}
        known = {each: p for each, p in inspect.signature(kind).parameters.items() if each != "kwargs"}
        _check_options(name, kind, known, options)
        for each in _CHANNELS:
            if each in known:
                sizes[each] = channels
        if (
            options.get("heads", 1) != 1
            and "out_channels" in sizes
            and options.get("concat", "concat" in known)
        ):
            sizes["out_channels"] = head_channels(channels, options["heads"])
        for each in _EDGE_CHANNELS:
            if each in known and "edge_attr" in forward and edge_channels:
                sizes[each], self.takes_edges = edge_channels, True
        if missing := [
            each for each, p in known.items() if p.default is p.empty and each not in {*sizes, *options}
        ]:
            raise ConfigError(
                f"The convolution {name} needs a value for {', '.join(missing)}.",
                fix=f"Set {_SCOPE}.{missing[0]}, if it can be written in a configuration; "
                "if it cannot, choose another convolution.",
            )
        try:
            self.conv: nn.Module = kind(**sizes, **options)
        except Exception as error:
            raise ConfigError(
                f"The convolution {name} does not take these options: {error}", fix=f"Change {_SCOPE}."
            ) from error
        self._try(name, channels, edge_channels)

    def forward(self, x: Tensor, edge_index: Tensor, edge_features: Tensor) -> Tensor:
        """``(nodes, channels)`` to the same, along edges ``(2, edges)`` with ``(edges, edge_channels)``."""
        if self.takes_edges:
            return self.conv(x, edge_index, edge_attr=edge_features)  # type: ignore[no-any-return]
        return self.conv(x, edge_index)  # type: ignore[no-any-return]

    def _try(self, name: str, channels: int, edge_channels: int) -> None:
        """See that it gives what it must on two nodes; whatever it remembers of them is thrown away."""
        trial = copy.deepcopy(self).eval()
        if any(each.is_meta for each in trial.parameters()):  # its size is asked for, and it has no memory
            trial.to_empty(device="cpu")
        x, edges = torch.zeros(2, channels), torch.tensor([[0, 1], [1, 0]])
        try:
            with torch.no_grad():
                out = trial(x, edges, torch.zeros(2, edge_channels))
        except Exception as error:
            raise ConfigError(
                f"The convolution {name} cannot take nodes of {channels} features along edges of "
                f"{edge_channels if self.takes_edges else 'none'}: {error}",
                fix=f"Change {_SCOPE}, or choose another convolution.",
            ) from error
        if not isinstance(out, Tensor) or out.shape != x.shape:
            shape = tuple(out.shape) if isinstance(out, Tensor) else type(out).__name__
            raise ConfigError(
                f"The convolution {name} makes {shape} of 2 nodes of {channels} channels.",
                fix=f"Change {_SCOPE} so that channels stay as many, or choose another convolution.",
            )


def _find(name: str) -> type[nn.Module]:
    # Imported here: it takes seconds, which only who builds a layer should wait for.
    from torch_geometric.nn import MessagePassing
    from torch_geometric.nn import conv as module

    classes = {each: getattr(module, each) for each in module.__all__}
    found = {each: kind for each, kind in classes.items() if _passes_messages(kind, MessagePassing)}
    if name not in found:
        close = difflib.get_close_matches(name, found, n=3, cutoff=0.4)
        raise ConfigError(
            f"torch-geometric has no convolution {name!r} for nodes of one kind.",
            fix=f"Did you mean {', '.join(close)}?" if close else f"There are: {', '.join(sorted(found))}.",
        )
    kind: type[nn.Module] = found[name]
    return kind


def _passes_messages(kind: Any, base: type) -> bool:
    return inspect.isclass(kind) and issubclass(kind, base) and kind is not base


def _check_forward(name: str, parameters: Iterable[inspect.Parameter]) -> None:
    _, *arguments = parameters
    needed = [each.name for each in arguments if each.default is each.empty]
    if more := [each for each in needed if each not in ("x", "edge_index", "edge_attr")]:
        raise ConfigError(
            f"The convolution {name} does not fit: it works on {', '.join(more)}, which a processor has not.",
            fix="Choose one that works on nodes of one kind and edges, such as GATv2Conv.",
        )


def _check_options(
    name: str, kind: type, known: Mapping[str, inspect.Parameter], options: Mapping[str, Any]
) -> None:
    for option, value in options.items():
        if option in (*_CHANNELS, *_EDGE_CHANNELS):
            raise ConfigError(
                f"The option {option} of {name} follows from the model.", fix=f"Leave out {_SCOPE}.{option}."
            )
        if option in _REFUSED:
            raise ConfigError(
                f"The option {option} of {name} cannot be used: {_REFUSED[option]}.",
                fix=f"Leave out {_SCOPE}.{option}.",
            )
        if option not in known:
            close = difflib.get_close_matches(option, known, n=1)
            free = sorted({*known} - {*_CHANNELS, *_EDGE_CHANNELS, *_REFUSED})
            raise ConfigError(
                f"The convolution {name} has no option {option!r}.",
                fix=(f"Did you mean {close[0]!r}? " if close else "") + f"There are: {', '.join(free)}.",
            )
        _check_type(name, option, value, typing.get_type_hints(kind.__init__).get(option, Any))  # type: ignore[misc]


def _check_type(name: str, option: str, value: Any, annotation: Any) -> None:
    try:
        TypeAdapter(annotation).validate_python(value, strict=True)
    except ValidationError as error:
        raise ConfigError(
            f"The option {option} of {name} cannot be {value!r}: {error.errors()[0]['msg']}.",
            fix=f"Change {_SCOPE}.{option}.",
        ) from error
    except (PydanticSchemaGenerationError, PydanticUserError):
        return  # A type that no configuration holds; the constructor has the last word.
