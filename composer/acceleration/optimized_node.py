"""One node in the form for inference, made anew when the weights of the node change."""

from __future__ import annotations

import copy
import warnings
from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor, nn

from composer.acceleration.precision import cast_down, cast_up
from composer.acceleration.weight_fingerprint import Fingerprint, take_fingerprint
from composer.escapes import describe_error
from composer.layers import FusedConv2d, Optimization
from composer.module_tree import copy_without_held


class OptimizedNode:
    """Calls a folded, laid out and cast copy of a node's module.

    The copy is made at the first call, and again after the weights of the module were changed or
    replaced. Where that fails, or a user's hooks are inside, the module itself is called.

    Args:
        path: the node's path.
        optimization: what its type says.
        dtype: the precision.
        outputs: names of its output ports, in order.
    """

    def __init__(
        self,
        path: str,
        optimization: Optimization,
        dtype: torch.dtype,
        outputs: tuple[str, ...],
    ) -> None:
        self.path, self.optimization, self.outputs = path, optimization, outputs
        self.is_lowered = optimization.lower_precision and dtype != torch.float32
        self.dtype = dtype if self.is_lowered else torch.float32
        self._changes_modules = (
            optimization.fold is not None or optimization.channels_last or self.is_lowered
        )
        self.failure = ""
        self._made: tuple[Fingerprint, nn.Module] | None = None

    def find_module(self, function: Callable[..., Any]) -> Callable[..., Any] | None:
        """The copy of a module, as it is now; None if the module itself is to be called.

        Args:
            function: the node's module or function.
        """
        if not isinstance(function, nn.Module) or not self._changes_modules:
            return function
        fingerprint = take_fingerprint(function)
        if fingerprint is None:
            return None
        made = self._made
        if made is None or made[0] != fingerprint:
            made = self._made = fingerprint, self._make(function)
        return None if made[1] is function else made[1]

    def call(self, function: Callable[..., Any], arguments: Mapping[str, Any]) -> Any:
        """The outputs for arguments by port, cast as the ports are to have them.

        Args:
            function: the copy, or the node's function.
            arguments: by input port.
        """
        if not self.is_lowered:
            return function(**arguments)
        kept = self.optimization.float32_inputs
        given = {
            port: cast_up(value) if port in kept else cast_down(value, self.dtype)
            for port, value in arguments.items()
        }
        return self._cast_outputs(function(**given))

    def _cast_outputs(self, result: Any) -> Any:
        names = self.optimization.float32_outputs
        if not names:
            return result
        if len(self.outputs) == 1 and not hasattr(result, "_fields"):
            return cast_up(result)
        values = zip(self.outputs, result, strict=True)
        members = [cast_up(value) if name in names else value for name, value in values]
        return type(result)(*members) if hasattr(result, "_fields") else tuple(members)

    def _make(self, module: nn.Module) -> nn.Module:
        """A copy for inference; the module itself if it cannot be made."""
        try:
            with torch.no_grad(), warnings.catch_warnings():
                warnings.simplefilter("ignore")  # of classes that do not expect to be copied
                made = copy_without_held(module).eval()
                if self.optimization.fold is not None:
                    made = self.optimization.fold(made)
                _lay_out(made, self.dtype, channels_last=self.optimization.channels_last)
        except Exception as error:
            self.failure = describe_error(error)
            return module
        self.failure = ""
        return made

    def __deepcopy__(self, _memo: object) -> OptimizedNode:
        return self._without_copy()

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_made": None}

    def _without_copy(self) -> OptimizedNode:
        other = copy.copy(self)
        other._made = None
        return other


def _lay_out(module: nn.Module, dtype: torch.dtype, *, channels_last: bool) -> None:
    """Casts the weights of a copy and lays them out, without a change of the shared ones."""
    changed: dict[int, Tensor] = {}
    for inner in module.modules():
        tables: list[dict[str, Any]] = [inner._parameters, inner._buffers]
        for table in tables:
            for name, tensor in table.items():
                if tensor is None:
                    continue
                if id(tensor) not in changed:
                    changed[id(tensor)] = _convert(inner, tensor, dtype, channels_last)
                table[name] = changed[id(tensor)]


def _convert(owner: nn.Module, tensor: Tensor, dtype: torch.dtype, channels_last: bool) -> Tensor:
    converted = tensor.detach()
    is_bias = isinstance(owner, FusedConv2d) and tensor is owner.bias
    if tensor.dtype == torch.float32 and not is_bias:
        converted = converted.to(dtype)
    is_packed = isinstance(owner, FusedConv2d) and converted.device.type == "cpu"
    if channels_last and converted.ndim == 4 and not is_packed:
        converted = converted.contiguous(memory_format=torch.channels_last)
    if isinstance(tensor, nn.Parameter):
        return nn.Parameter(converted, requires_grad=False)
    return converted
