"""Checks that a node type may be changed as it says: folded and prepared equal what it is."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import Tensor, nn

from composer.acceleration import OptimizedNode, read_optimization
from composer.errors import ContractError
from composer.layers import FrozenBatchNorm2d, Optimization
from composer.structures import iterate_tensors, map_tensors
from composer.testing.building_checks import describe_briefly
from composer.testing.snapshot import find_differences, take_snapshot
from composer.testing.trial import Trial

_TOLERANCE = 1e-3  # of the largest value: folding changes the order of sums
_LOW_TOLERANCE = 0.5  # of the mean: bfloat16 has three digits, and errors grow from layer to layer
# What normalisations get, between which bounds.
_STATISTICS = (("weight", 0.5, 1.5), ("running_mean", -0.5, 0.5), ("running_var", 0.5, 1.5))


def check_folding(trial: Trial) -> Iterator[str]:
    """Yields how the forms that inference may use differ from the module itself.

    The module gets weights and statistics as training would leave them: first ones are often such
    that an error in folding does not show.
    """
    try:
        said = read_optimization(trial.contract)
    except ContractError as error:
        yield str(error)
        return
    if said is None or trial.mode != "inference":
        return
    module = trial.build()
    if not isinstance(module, nn.Module):
        return
    _unsettle(module, trial.seed)
    expected = _detach(trial.run(module).value)
    yield from _check_form(trial, module, said, expected, torch.float32)
    if said.lower_precision:
        yield from _check_form(trial, module, said, expected, torch.bfloat16)
    if said.train_channels_last is not None:
        yield from _check_prepared(trial, module, said.train_channels_last, expected)


def _check_form(
    trial: Trial, module: nn.Module, said: Optimization, expected: Any, dtype: torch.dtype
) -> Iterator[str]:
    """Yields how one form differs.

    Args:
        trial: the trial.
        module: the module.
        said: what its type says.
        expected: the outputs of the module.
        dtype: the precision of the form.
    """
    form = "folded for inference" if dtype == torch.float32 else "in bfloat16"
    state = take_snapshot(dict(_list_state(module)))
    node = OptimizedNode(trial.node.path, said, dtype, tuple(trial.contract.outputs))
    function = node.find_module(module)
    if node.failure:
        yield f"it cannot be {form}: {node.failure}"
        return
    change = next(find_differences(state, take_snapshot(dict(_list_state(module))), "module"), None)
    if change is not None:
        yield f"folding changes the module itself: {change}"
        return
    if function is None:  # hooks watch the module: inference calls it as it is
        return
    arguments = trial.copy_inputs()
    if said.channels_last:
        arguments = {port: map_tensors(_lay_out, value) for port, value in arguments.items()}
    try:
        with torch.no_grad():
            found = node.call(function, arguments)
    except Exception as error:
        yield f"it fails {form}: {describe_briefly(error)}"
        return
    yield from _compare(trial, expected, found, form, dtype)
    yield from _check_float32(trial, said, found)


def _check_prepared(
    trial: Trial, module: nn.Module, prepare: Callable[[nn.Module], None], expected: Any
) -> Iterator[str]:
    """Yields how a module that is prepared for training with channels last differs."""
    form = "prepared for training with channels last"
    made = copy.deepcopy(module)
    state = take_snapshot(dict(_list_state(made)))
    arguments = {port: map_tensors(_lay_out, value) for port, value in trial.copy_inputs().items()}
    try:
        prepare(made)
        with torch.no_grad():
            found = made(**arguments)
    except Exception as error:
        yield f"it fails {form}: {describe_briefly(error)}"
        return
    change = next(find_differences(state, take_snapshot(dict(_list_state(made))), "module"), None)
    if change is not None:
        yield f"its weights change when it is {form}: {change}"
    yield from _compare(trial, expected, found, form, torch.float32)


def _compare(
    trial: Trial, expected: Any, found: Any, form: str, dtype: torch.dtype
) -> Iterator[str]:
    before, after = trial.name_outputs(expected), trial.name_outputs(found)
    if before is None or after is None:
        if before is not after:
            yield f"{form}, it returns {type(found).__name__}"
        return
    is_exact = dtype == torch.float32
    find, of_what = (_find_largest, "largest") if is_exact else (_find_mean, "mean")
    tolerance = _TOLERANCE if is_exact else _LOW_TOLERANCE
    for port, value in before.items():
        pairs = list(iterate_tensors(value)), list(iterate_tensors(after[port]))
        shapes = [[tuple(each.shape) for each in side] for side in pairs]
        if shapes[0] != shapes[1]:
            yield f"{form}, '{port}' has the shapes {shapes[1]} instead of {shapes[0]}"
            continue
        error = max((find(a, b) for a, b in zip(*pairs, strict=True)), default=0.0)
        if not error <= tolerance:
            yield f"{form}, '{port}' is off by {error:.2g} of its {of_what} value"


def _find_largest(expected: Tensor, found: Tensor) -> float:
    """The largest difference, relative to the largest value that is a number."""
    apart, size = _find_distances(expected, found)
    return float(apart.max() / size.max()) if expected.numel() else 0.0


def _find_mean(expected: Tensor, found: Tensor) -> float:
    """The mean difference, relative to the mean value."""
    apart, size = _find_distances(expected, found)
    return float(apart.mean() / size.mean()) if expected.numel() else 0.0


def _find_distances(expected: Tensor, found: Tensor) -> tuple[Tensor, Tensor]:
    """The differences, and the absolute values of what is expected."""
    a, b = expected.double(), found.double()
    apart = torch.where((a == b) | (a.isnan() & b.isnan()), 0.0, (a - b).abs())
    size = a.nan_to_num(nan=0.0, posinf=0.0, neginf=0.0).abs()
    return apart.nan_to_num(nan=math.inf), size.clamp(min=1e-6)


def _check_float32(trial: Trial, said: Optimization, found: Any) -> Iterator[str]:
    outputs = trial.name_outputs(found) or {}
    for port in said.float32_outputs:
        if any(each.dtype == torch.bfloat16 for each in iterate_tensors(outputs.get(port))):
            yield f"'{port}' is among its float32_outputs, and is bfloat16"


def _unsettle(module: nn.Module, seed: int) -> None:
    """Moves what normalisations have, and biases, away from their first values."""
    generator = torch.Generator().manual_seed(seed)

    def draw(like: Tensor, low: float, high: float) -> Tensor:
        return torch.rand(like.shape, generator=generator, dtype=like.dtype) * (high - low) + low

    with torch.no_grad():
        for inner in module.modules():
            tensors: dict[str, Tensor] = dict(_list_own(inner))
            if isinstance(inner, nn.modules.batchnorm._BatchNorm | FrozenBatchNorm2d):
                for name, low, high in _STATISTICS:
                    if name in tensors:
                        tensors[name].copy_(draw(tensors[name], low, high))
            bias = tensors.get("bias")
            if bias is not None and bias.is_floating_point():
                bias.add_(draw(bias, -0.2, 0.2))


def _list_own(module: nn.Module) -> Iterator[tuple[str, Tensor]]:
    yield from module.named_parameters(recurse=False)
    yield from module.named_buffers(recurse=False)


def _list_state(module: nn.Module) -> Iterator[tuple[str, Tensor]]:
    for name, tensor in (*module.named_parameters(), *module.named_buffers()):
        yield name, tensor.detach()


def _lay_out(tensor: Tensor) -> Tensor:
    is_map = tensor.ndim == 4
    return tensor.contiguous(memory_format=torch.channels_last) if is_map else tensor


def _detach(value: Any) -> Any:
    return map_tensors(lambda tensor: tensor.detach(), value)
