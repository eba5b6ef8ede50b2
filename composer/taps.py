"""Taps: what a module inside a node computes."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from threading import Lock
from types import TracebackType
from typing import Any

import torch
from torch import nn

from composer.errors import NameResolutionError
from composer.module_tree import own_modules
from composer.names import did_you_mean

_current: ContextVar[Tapping | None] = ContextVar("tapping", default=None)
_REGISTERING = Lock()  # torch numbers hooks with a plain counter, which threads would share


@contextmanager
def without_tapping() -> Iterator[None]:
    """Lets a run inside a node record nothing for the run around it."""
    before = _current.set(None)
    try:
        yield
    finally:
        _current.reset(before)


def is_tapping() -> bool:
    """Whether this is a run inside a node whose modules are tapped."""
    return not torch.compiler.is_compiling() and _current.get() is not None


class Tapping:
    """Records the outputs of modules inside a node while it runs.

    A module that is called once gives its output, one that is called several times a list. The
    recorded tensor is the one that gradients flow through; what follows the module gets a copy, so
    an in-place operation after it does not change what was recorded. Calls of other runs, in other
    threads or inside the node, are not recorded.

    Args:
        function: the node's module.
        path: the node's path.
        taps: dotted names of modules inside it.
        recorded: takes the values by `path:module`.
    """

    def __init__(
        self,
        function: Callable[..., Any],
        path: str,
        taps: Sequence[str],
        recorded: dict[str, Any],
    ) -> None:
        self.path, self.recorded = path, recorded
        self.modules = {tap: find_module(function, path, tap) for tap in taps}
        self.calls: dict[str, list[Any]] = {tap: [] for tap in taps}

    def __enter__(self) -> None:
        self.before = _current.set(self)
        with _REGISTERING:
            self.handles = [
                module.register_forward_hook(self._recorder(tap))
                for tap, module in self.modules.items()
            ]

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        _current.reset(self.before)
        with _REGISTERING:
            for handle in self.handles:
                handle.remove()
        if error is not None:
            return
        for tap, calls in self.calls.items():
            if not calls:
                raise NameResolutionError(f"'{self.path}:{tap}' was not called in this run")
            self.recorded[f"{self.path}:{tap}"] = calls[0] if len(calls) == 1 else calls

    def _recorder(self, tap: str) -> Callable[[nn.Module, Any, Any], Any]:
        def record(_module: nn.Module, _inputs: Any, output: Any) -> Any:
            if _current.get() is not self:
                return None
            self.calls[tap].append(output)
            return output.clone() if isinstance(output, torch.Tensor) else output

        return record


def find_module(function: Callable[..., Any], path: str, tap: str) -> nn.Module:
    """The module that a tap names.

    Raises:
        NameResolutionError: if the node has no such module.
    """
    modules = dict(own_modules(function)) if isinstance(function, nn.Module) else {}
    modules.pop("", None)
    if tap in modules:
        return modules[tap]
    if not modules:
        raise NameResolutionError(f"node '{path}' has no modules inside to tap")
    hint = did_you_mean(tap, modules, "modules")
    raise NameResolutionError(f"node '{path}' has no module '{tap}' inside. {hint}")
