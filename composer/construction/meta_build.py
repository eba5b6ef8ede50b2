"""Modules without memory: they have shapes, but no numbers."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode


def build_on_meta(build: Callable[[], nn.Module]) -> nn.Module:
    """Builds a module on the meta device, or on the CPU if it needs real numbers."""
    with torch.random.fork_rng(devices=[]):
        try:
            with torch.device("meta"), _SkipInit():
                return build()
        except (NotImplementedError, RuntimeError):
            return build()


class _SkipInit(TorchFunctionMode):
    """Leaves undone what only fills a tensor without memory.

    torch would import its compiler to do it, which takes as long as importing all the rest.
    """

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Iterable[type],
        args: tuple[Any, ...] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        named = kwargs or {}
        if func in _FILLING:
            filled: Tensor = args[0] if args else named["tensor"]
            if filled.is_meta:
                return filled
        return func(*args, **named)


_FILLING: frozenset[Callable[..., Any]] = frozenset(
    {
        *(Tensor.normal_, Tensor.uniform_, Tensor.zero_, Tensor.fill_),
        *(nn.init.normal_, nn.init.uniform_, nn.init.constant_, nn.init.kaiming_uniform_),
    }
)
