"""Folding in modules of other libraries: a run shows who gets a convolution's output."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode
from torch.utils._pytree import tree_leaves

from composer.layers.fused_conv import fuse_conv, is_foldable, is_fusible


def fold_observed(module: nn.Module, run: Callable[[], Any]) -> nn.Module:
    """Returns a module whose batch normalisations are folded where a run shows that they can be.

    A convolution takes a normalisation in if both are called once, and nothing else gets its
    output.

    Args:
        module: a module in inference mode; it is changed in place.
        run: calls it on an example.
    """
    names = {id(inner): name for name, inner in module.named_modules()}
    observation = _Observation()
    handles = [
        inner.register_forward_hook(observation.note_call)
        for inner in module.modules()
        if is_fusible(inner) or (inner is not None and is_foldable(inner))
    ]
    try:
        with torch.no_grad(), observation:
            run()
    finally:
        for handle in handles:
            handle.remove()
    for conv, norm in observation.find_pairs():
        _set_module(module, names[id(conv)], fuse_conv(conv, norm))
        _set_module(module, names[id(norm)], nn.Identity())
    return module


class _Observation(TorchFunctionMode):
    """Counts the functions that get a tensor, and notes what modules get and give."""

    def __init__(self) -> None:
        super().__init__()
        self._uses: Counter[int] = Counter()
        self._calls: list[tuple[nn.Module, Tensor, Tensor]] = []  # which keep the tensors

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Iterable[type],
        args: tuple[Any, ...] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        named = dict(kwargs or {})
        result = func(*args, **named)
        if any(isinstance(leaf, Tensor) for leaf in tree_leaves(result)):  # not a size or a type
            leaves = tree_leaves((args, named))
            self._uses.update(id(leaf) for leaf in leaves if isinstance(leaf, Tensor))
        return result

    def note_call(self, module: nn.Module, given: tuple[Any, ...], result: Any) -> None:
        """Notes what a module was given and gave."""
        if len(given) == 1 and isinstance(given[0], Tensor) and isinstance(result, Tensor):
            self._calls.append((module, given[0], result))

    def find_pairs(self) -> list[tuple[nn.Conv2d, nn.Module]]:
        """Convolutions and the normalisations that alone get what they give."""
        calls = Counter(id(module) for module, _, _ in self._calls)
        once = [call for call in self._calls if calls[id(call[0])] == 1]
        given = {id(result): module for module, _, result in once if isinstance(module, nn.Conv2d)}
        return [
            (given[id(x)], module)
            for module, x, _ in once
            if not isinstance(module, nn.Conv2d) and id(x) in given and self._uses[id(x)] == 1
        ]


def _set_module(root: nn.Module, name: str, module: nn.Module) -> None:
    parent, _, last = name.rpartition(".")
    root.get_submodule(parent)._modules[last] = module
