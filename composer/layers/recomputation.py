"""Recomputation of activations (Chen et al. 2016): memory for time.

What a recomputed call computes on its way is not kept for the gradients. It is called again when
they are, with the same random numbers and the same buffers as the first time, which it leaves as
they are, and it records no statistics then.

torch.compile has a way of its own, which restores the random numbers of torch's generator, but not
those of others: what draws from a generator is not recomputed there.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from composer.events import without_recording

_current: ContextVar[bool] = ContextVar("recomputes_blocks", default=False)


def call_recomputed(function: Callable[..., Any], /, **arguments: Any) -> Any:
    """Calls a node, and recomputes what its gradients need.

    A module with a true `recomputes_blocks` is recomputed block by block, which takes less memory:
    see `call_block`. Without gradients it is a plain call.

    Args:
        function: a module or function.
        arguments: by name.
    """
    if not torch.is_grad_enabled():
        return function(**arguments)
    if getattr(function, "recomputes_blocks", False):
        with _set(True):
            return function(**arguments)
    return _recompute(function, (), arguments)


def call_block(block: Callable[..., Any], /, *arguments: Any) -> Any:
    """Calls a block of a module that says `recomputes_blocks = True`.

    It is recomputed if the node is to be, and called as it is otherwise.

    Args:
        block: a module or function.
        arguments: by position.
    """
    return _recompute(block, arguments, {}) if _current.get() else block(*arguments)


@contextmanager
def _set(recomputes: bool) -> Iterator[None]:
    before = _current.set(recomputes)
    try:
        yield
    finally:
        _current.reset(before)


def _recompute(
    function: Callable[..., Any], arguments: tuple[Any, ...], named: dict[str, Any]
) -> Any:
    given = (*arguments, *named.values())
    generators = [one for one in given if isinstance(one, torch.Generator)]
    if torch.compiler.is_compiling():
        if generators:
            return function(*arguments, **named)
        return checkpoint(function, *arguments, use_reentrant=False, **named)
    call = _RepeatableCall(function, generators)
    with _set(False):  # a block inside is a part of this one
        return checkpoint(call, *arguments, use_reentrant=False, **named)


class _RepeatableCall:
    """Calls a function, and any number of times again from the state before the first time.

    Args:
        function: a module or function.
        generators: those that it draws from.
    """

    def __init__(self, function: Callable[..., Any], generators: list[torch.Generator]) -> None:
        self._function = function
        self._generators = [(one, one.get_state()) for one in generators]
        self._buffers = [*_copy_buffers(function)] if isinstance(function, nn.Module) else []
        self._is_first = True

    def __call__(self, *arguments: Any, **named: Any) -> Any:
        if self._is_first:
            self._is_first = False
            return self._function(*arguments, **named)
        with self._state_of_first(), without_recording(), _set(False):
            return self._function(*arguments, **named)

    @contextmanager
    def _state_of_first(self) -> Iterator[None]:
        states = [generator.get_state() for generator, _ in self._generators]
        buffers = [holder._buffers[name] for holder, name, _ in self._buffers]
        for generator, state in self._generators:
            generator.set_state(state)
        for holder, name, copy in self._buffers:
            holder._buffers[name] = copy.clone()
        try:
            yield  # torch leaves by an exception once it has what it needs
        finally:
            for (generator, _), state in zip(self._generators, states, strict=True):
                generator.set_state(state)
            for (holder, name, _), buffer in zip(self._buffers, buffers, strict=True):
                holder._buffers[name] = buffer


def _copy_buffers(module: nn.Module) -> Iterator[tuple[nn.Module, str, Tensor]]:
    """Yields the buffers inside a module as they are now, each with the module that holds it."""
    for inner in module.modules():
        for name, buffer in inner._buffers.items():
            if buffer is not None:
                yield inner, name, buffer.detach().clone()
