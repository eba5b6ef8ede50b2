"""Folding of normalisations and activations into convolutions, for inference."""

import copy
from collections.abc import Callable

from torch import Tensor, fx, nn

from composer.layers.conv import NormConv2d
from composer.layers.deform_conv import NormDeformConv2d
from composer.layers.fused_conv import (
    Activation,
    find_attribute,
    fuse_conv,
    has_hooks,
    is_foldable,
    is_fusible,
    scale_weight,
)
from composer.layers.graph_folding import fold_graph

Fold = Callable[[nn.Module], nn.Module | None]


def fold_norms(module: nn.Module, fold: Fold | None = None) -> nn.Module:
    """Returns a module for inference in which convolutions do the work of their neighbours.

    Batch normalisations with fixed statistics are multiplied into the convolution before them
    where the module shows that nothing else gets its output: in `NormConv2d` and
    `NormDeformConv2d`, in sequences, and in modules that torch.fx traced. What cannot be folded
    stays as it is.

    Args:
        module: a module in inference mode; it is not changed, and all that is not folded is shared.
        fold: makes a module for a part of a class that is the caller's, or returns None; it is
            asked first, for each part, and gets one that shares its tensors with the original.
    """
    # torch.fx puts what it copies into training mode.
    return _fold(copy_structure(module).eval(), fold or _leave)


def copy_structure(module: nn.Module) -> nn.Module:
    """Returns a copy of a module, and of all inside it, with the same tensors."""
    tensors = [*module.parameters(), *module.buffers()]
    memo: dict[int, Tensor] = {id(tensor): tensor for tensor in tensors}
    return copy.deepcopy(module, memo)


def _leave(_module: nn.Module) -> None:
    return None


def _fold(module: nn.Module, fold: Fold) -> nn.Module:
    folded = fold(module)
    if folded is None:
        folded = _fold_itself(module)
    if folded is not None:
        return folded
    if isinstance(module, fx.GraphModule):
        fold_graph(module)
    elif isinstance(module, nn.Sequential) and type(module).forward is nn.Sequential.forward:
        _fold_sequence(module)
    for name, child in list(module.named_children()):
        module._modules[name] = _fold(child, fold)
    return module


def _fold_itself(module: nn.Module) -> nn.Module | None:
    if type(module) is NormDeformConv2d:
        return _fold_deformable(module)
    if type(module) is not NormConv2d:
        return fuse_conv(module) if is_fusible(module) else None
    if has_hooks(module) or module.padding_mode != "zeros" or not is_foldable(module.norm):
        return None
    return fuse_conv(module, module.norm, module.activation)


def _fold_deformable(module: NormDeformConv2d) -> nn.Module | None:
    """The convolution, which is a copy, with its normalisation in its weights."""
    if module.norm is None or has_hooks(module) or not is_foldable(module.norm):
        return None
    weight, bias = scale_weight(module.weight, module.bias, module.norm)
    module.weight = nn.Parameter(weight, requires_grad=False)
    module.bias = nn.Parameter(bias, requires_grad=False)
    module.norm = None
    return module


def _fold_sequence(sequence: nn.Sequential) -> None:
    """Folds what follows each convolution of a sequence; its members keep their numbers."""
    names = list(sequence._modules)
    for index, name in enumerate(names):
        conv = sequence._modules[name]
        if not is_fusible(conv):
            continue
        rest = names[index + 1 : index + 3]
        norm = next((sequence._modules[each] for each in rest[:1]), None)
        has_norm = norm is not None and is_foldable(norm)
        after = rest[1:] if has_norm else rest[:1]
        activation = next((_as_activation(sequence._modules[each]) for each in after), None)
        sequence._modules[name] = fuse_conv(conv, norm if has_norm else None, activation)
        taken = rest[:1] * has_norm + after[:1] * (activation is not None)
        for each in taken:
            sequence._modules[each] = nn.Identity()


def _as_activation(module: nn.Module | None) -> Activation | None:
    """The module, if it is an activation that torch fuses."""
    if module is None or find_attribute(module)[0] == "none" or has_hooks(module):
        return None
    return module
