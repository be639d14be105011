"""Work on rows (nodes or edges) a block at a time, so that what is made on the way stays in the cache.

A layer makes many tensors of the size of its state, or several times as large. On a CPU, getting the memory
of so large a tensor takes about as long as filling it.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from functools import wraps
from typing import Any, Protocol, TypeVar, cast

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

from .gradients import Autocast, Gradients, with_weights

BLOCK_BYTES = 2**21
"""Of the widest tensor of a block: a handful of them stay in the cache, and a product of matrices is large
enough to be at its best."""


Function = TypeVar("Function", bound=Callable[..., Any])


def uncompiled(function: Function) -> Function:
    """Keep ``torch.compile`` from a function.

    Torch's own decorator imports the compiler, which takes a second at the start of every forecast.
    """

    @wraps(function)
    def call(*args: Any, **options: Any) -> Any:
        if "torch._dynamo" not in sys.modules:  # nobody compiles
            return function(*args, **options)
        if function not in _DISABLED:
            _DISABLED[function] = torch.compiler.disable(function)  # type: ignore[no-untyped-call]
        return _DISABLED[function](*args, **options)

    return cast(Function, call)


_DISABLED: dict[Callable[..., Any], Callable[..., Any]] = {}
"""What torch makes of functions that are kept from the compiler, which takes milliseconds."""


def on_eager_cpu(x: Tensor) -> bool:
    """Whether blocks pay: on a CPU, where nothing is compiled."""
    return x.device.type == "cpu" and not torch.compiler.is_compiling()


def exact_in_blocks(x: Tensor) -> bool:
    """Whether blocks pay and change no number by more than a sum in another order: in float32 or more."""
    return on_eager_cpu(x) and x.dtype.itemsize >= 4 and not torch.is_autocast_enabled("cpu")


def blocks_of(bytes_of_one: int, count: int) -> Iterator[slice]:
    """Cut so many rows into blocks of about the same memory, given that of one.

    Where there are none there is one empty block, which tells what type comes out.
    """
    block = max(1, BLOCK_BYTES // bytes_of_one)
    return (slice(start, start + block) for start in range(0, max(count, 1), block))


class RowWise(Protocol):
    """What is done to rows by themselves, and how a gradient goes back: a module.

    It need not keep what is cheap to compute again.
    """

    @property
    def width(self) -> int:
        """How many channels the widest tensor has that it makes of a row."""

    def block(
        self,
        states: Sequence[Tensor],
        shared: Sequence[Tensor | None],
        kept: list[Tensor] | None,
        out: Sequence[Tensor] | None,
    ) -> Sequence[Tensor]:
        """Do it to a block.

        Parameters
        ----------
        states
            ``(batch, rows, channels)`` each.
        shared
            What is the same for all rows, such as a condition.
        kept
            Takes what :meth:`block_back` needs beside these, as many tensors for every block; None where no
            gradient is asked for.
        out
            Where the results will lie, if that is known yet: what is made there need not be copied.

        Returns
        -------
        sequence of Tensor
            The results, ``(batch, rows, channels)`` each.
        """

    def block_back(
        self,
        gradients: Sequence[Tensor],
        states: Sequence[Tensor],
        shared: Sequence[Tensor | None],
        kept: Sequence[Tensor],
        totals: Gradients,
    ) -> Sequence[Tensor]:
        """Take the gradients of the results of a block back, without gradients of its own.

        Those of parameters and of ``shared`` are added to ``totals``.

        Returns
        -------
        sequence of Tensor
            The gradient of each of ``states``.
        """


@uncompiled
def in_blocks(
    work: RowWise, states: Sequence[Tensor], shared: Sequence[Tensor | None] = ()
) -> tuple[Tensor, ...]:
    """Do ``work`` a block of rows at a time; gradients flow back a block at a time too.

    There is no second derivative.

    Parameters
    ----------
    work
        A module.
    states
        ``(batch, rows, channels)`` each.
    shared
        What is the same for all rows.

    Returns
    -------
    tuple of Tensor
        The results for all rows.
    """
    if not torch.is_grad_enabled():
        return _forward(work, states, shared, None)
    assert isinstance(work, nn.Module)
    apply = cast(Callable[..., tuple[Tensor, ...]], _InBlocks.apply)
    return apply(work, len(states), len(shared), *states, *shared, *work.parameters())


def _blocks(work: RowWise, state: Tensor) -> list[slice]:
    # By what comes in, which is the same on the way back, and not by the weights, which need not be.
    return list(blocks_of(state.shape[0] * work.width * state.element_size(), state.shape[1]))


def _forward(
    work: RowWise, states: Sequence[Tensor], shared: Sequence[Tensor | None], kept: list[Tensor] | None
) -> tuple[Tensor, ...]:
    parts, results = _blocks(work, states[0]), list[Tensor]()
    if len(parts) == 1:  # nothing to put together
        return tuple(work.block(states, shared, kept, None))
    for part in parts:
        out = [result[:, part] for result in results] or None
        found = work.block([state[:, part] for state in states], shared, kept, out)
        if out is None:
            results = [each.new_empty(each.shape[0], states[0].shape[1], each.shape[2]) for each in found]
            out = [result[:, part] for result in results]
        for place, each in zip(out, found, strict=True):
            if place is not each:
                place.copy_(each)
    return tuple(results)


class _InBlocks(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, work: Any, states: int, shared: int, *tensors: Any) -> tuple[Tensor, ...]:
        kept: list[Tensor] = []
        ctx.work, ctx.ends = work, (states, states + shared)
        ctx.autocast = Autocast.now(tensors[0].device.type)
        with ctx.autocast.again():
            results = _forward(work, tensors[:states], tensors[states : states + shared], kept)
        ctx.save_for_backward(*tensors, *kept)
        return results

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Any, ...]:
        work, needs, (first, second) = ctx.work, ctx.needs_input_grad[3:], ctx.ends
        saved = ctx.saved_tensors  # once: checkpointing gives each back a single time
        tensors, kept = saved[: len(needs)], saved[len(needs) :]
        states, shared = tensors[:first], tensors[first:second]
        parameters = dict(zip((name for name, _ in work.named_parameters()), tensors[second:], strict=True))
        totals = Gradients(each for each, need in zip(tensors[first:], needs[first:], strict=True) if need)
        of_states = [
            torch.empty_like(state) if need else None for state, need in zip(states, needs, strict=False)
        ]
        parts = _blocks(work, states[0])
        share = len(kept) // len(parts)

        def go_back() -> None:
            for number, part in enumerate(parts):
                own = kept[number * share : (number + 1) * share]
                of_results = [gradient[:, part] for gradient in gradients]
                before = [state[:, part] for state in states]
                found = work.block_back(of_results, before, shared, own, totals)
                for total, each in zip(of_states, found, strict=True):
                    if total is not None:
                        total[:, part] = each

        with ctx.autocast.again():
            with_weights(work, parameters, go_back)
        return None, None, None, *of_states, *(totals.of(each) for each in tensors[first:])
