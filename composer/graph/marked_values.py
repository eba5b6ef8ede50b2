"""Values from which on gradients are recorded: those of slots, and of modules inside nodes."""

from __future__ import annotations

import threading
from collections.abc import Collection, Iterable, Mapping
from types import TracebackType
from typing import Any

from torch import Tensor, nn
from torch.utils.hooks import RemovableHandle

from composer.blueprint import Node, Step, Target
from composer.errors import NameResolutionError
from composer.structures import map_tensors
from composer.taps import find_module


def mark(value: Any, wanted: Collection[int] | None = None, chosen: Tensor | None = None) -> Any:
    """A value whose tensors require gradients.

    Tensors that depend on others which do stay as they are, as gradients flow through them.

    Args:
        value: the value.
        wanted: identities of the tensors to mark; all by default.
        chosen: a tensor to put in the place of the marked ones.
    """

    def mark_one(tensor: Tensor) -> Tensor:
        if not tensor.is_floating_point() or (wanted is not None and id(tensor) not in wanted):
            return tensor
        if chosen is not None:
            return chosen if chosen.requires_grad else chosen.detach().requires_grad_()
        return tensor if tensor.requires_grad else tensor.detach().requires_grad_()

    return map_tensors(mark_one, value)


class MarkedModules:
    """Marks the outputs of modules inside nodes while a run watches; an observer of that run.

    Args:
        callables: modules by path.
        nodes: the nodes of the taps by path.
        taps: the modules.

    Attributes:
        values: the outputs by `path:module`, in a list where the module is called several times.
    """

    def __init__(
        self, callables: Mapping[str, Any], nodes: Mapping[str, Node], taps: Iterable[Target]
    ) -> None:
        self._modules = {
            target.name: (
                target.slot.path,
                find_module(
                    callables[nodes[target.slot.path].module_path], target.slot.path, target.tap
                ),
            )
            for target in taps
        }
        self._calls: dict[str, list[Any]] = {}
        self._running: str | None = None
        self._thread = threading.get_ident()
        self._handles: list[RemovableHandle] = []

    @property
    def values(self) -> Mapping[str, Any]:
        """The outputs of the modules.

        Raises:
            NameResolutionError: one of them was not called.
        """
        if missing := [name for name in self._modules if name not in self._calls]:
            raise NameResolutionError(f"'{missing[0]}' was not called in this run")
        return {name: found[0] if len(found) == 1 else found for name, found in self._calls.items()}

    def before(self, step: Step, _arguments: Mapping[str, Any]) -> None:
        """Notes the node that runs."""
        self._running = step.node.path

    def after(self, _step: Step, _outputs: Mapping[str, Any]) -> None:
        """Notes that no node runs."""
        self._running = None

    def __enter__(self) -> MarkedModules:
        for name, (path, module) in self._modules.items():
            self._handles.append(self._watch(module, name, path))
        return self

    def __exit__(
        self,
        _kind: type[BaseException] | None,
        _error: BaseException | None,
        _traceback: TracebackType | None,
    ) -> None:
        for handle in self._handles:
            handle.remove()

    def _watch(self, module: nn.Module, name: str, path: str) -> RemovableHandle:
        def hook(_module: nn.Module, _inputs: Any, output: Any) -> Any:
            if self._running != path or threading.get_ident() != self._thread:
                return None
            marked = mark(output)
            self._calls.setdefault(name, []).append(marked)
            return map_tensors(_copy, marked)  # which may be changed in place

        return module.register_forward_hook(hook)


def _copy(tensor: Tensor) -> Tensor:
    return tensor.clone() if tensor.requires_grad else tensor
