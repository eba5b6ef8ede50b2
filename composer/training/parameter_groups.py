"""Which parameters an optimizer treats how: by node, and by what they are in their layer."""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from torch import nn

from composer.errors import NameResolutionError
from composer.graph import Graph
from composer.module_tree import own_modules
from composer.names import did_you_mean
from composer.training.settings import GroupSettings, OptimizerSettings

_NORMS = (
    nn.modules.batchnorm._NormBase,
    nn.GroupNorm,
    nn.LayerNorm,
    nn.RMSNorm,
    nn.LocalResponseNorm,
)
_NORM_NAME = re.compile("Norm(?![a-z])")  # LayerNorm2d and RmsNormAct, but no Normalizer


@dataclass(frozen=True)
class TrainableParameter:
    """A trainable parameter.

    Args:
        name: its name in the model, which is its key in the state dict.
        path: the path of its node, and its name in there; the name in a model without nodes.
        parameter: the parameter.
        is_norm: whether it belongs to a normalisation layer.
        depth: number of layers from it to the output of its node; None where the node type does
            not say.
        node: path of its node.
    """

    name: str
    path: str
    parameter: nn.Parameter
    is_norm: bool
    depth: int | None = None
    node: str = ""

    @property
    def is_bias(self) -> bool:
        """Whether it is the bias of a layer that does not normalise."""
        return not self.is_norm and self.name.rpartition(".")[2] == "bias"


def trainable_parameters(model: nn.Module) -> list[TrainableParameter]:
    """The parameters that want a gradient, each once, in the order of the modules."""
    found: dict[nn.Parameter, TrainableParameter] = {}
    named = _name_by_node(model) if isinstance(model, Graph) else {}
    for prefix, module in model.named_modules():
        is_norm = _is_norm(module)
        for name, parameter in module.named_parameters(prefix, recurse=False):
            if parameter.requires_grad and parameter not in found:
                path, depth, node = named.get(parameter, (name, None, ""))
                found[parameter] = TrainableParameter(name, path, parameter, is_norm, depth, node)
    return list(found.values())


def _name_by_node(graph: Graph) -> dict[nn.Parameter, tuple[str, int | None, str]]:
    """The parameters' names with the path of their node in place of its namespace, and depths."""
    found: dict[nn.Parameter, tuple[str, int | None, str]] = {}
    for path, called in graph.callables.items():
        find_depth: Callable[[str], int] | None = getattr(called, "layer_depth", None)
        for inner, module in own_modules(called) if isinstance(called, nn.Module) else ():
            for name, parameter in module.named_parameters(inner, recurse=False):
                depth = None if find_depth is None else find_depth(name)
                found.setdefault(parameter, (f"{path}.{name}", depth, path))
    return found


def _is_norm(module: nn.Module) -> bool:
    """Whether a module normalises: a norm of torch, or one that is called so and has only vectors.

    Other libraries have norms of their own, which share no class. A convolution that is called
    after the norm behind it has a kernel.
    """
    if isinstance(module, _NORMS):
        return True
    if not _NORM_NAME.search(type(module).__name__):
        return False
    return all(parameter.ndim <= 1 for parameter in module.parameters(recurse=False))


def group_parameters(model: nn.Module, settings: OptimizerSettings) -> list[dict[str, Any]]:
    """The parameter groups of an optimizer: one for each learning rate and weight decay.

    Args:
        model: the model; parameters without gradient are left out.
        settings: the rates, and the exceptions by node.

    Raises:
        NameResolutionError: an exception matches nothing trainable, or nothing is trainable.
    """
    parameters = trainable_parameters(model)
    if not parameters:
        raise NameResolutionError("nothing is trainable: every parameter of the model is frozen")
    names = [
        name for trainable in parameters for name in dict.fromkeys((trainable.path, trainable.name))
    ]
    for group in settings.groups:
        _require_matches(group, names)
        _require_depths(group, parameters)
    groups: dict[tuple[float, float], list[nn.Parameter]] = {}
    for trainable in parameters:
        groups.setdefault(_treatment(trainable, settings), []).append(trainable.parameter)
    return [
        {"params": members, "lr": settings.lr * factor, "weight_decay": decay}
        for (factor, decay), members in groups.items()
    ]


def _treatment(trainable: TrainableParameter, settings: OptimizerSettings) -> tuple[float, float]:
    """The factor on the learning rate, and the weight decay."""
    exceptions = [group for group in settings.groups if _is_meant(trainable, group)]
    factor = _last_of(group.lr_factor for group in exceptions)
    decay = _last_of(group.weight_decay for group in exceptions)
    decay_of_layers = _last_of(group.lr_decay for group in exceptions)
    usual_factor = settings.bias_lr_factor if trainable.is_bias else 1.0
    if decay_of_layers is not None and trainable.depth is not None:
        usual_factor *= decay_of_layers**trainable.depth
    return (
        usual_factor if factor is None else usual_factor * factor,
        _usual_decay(trainable, settings) if decay is None else decay,
    )


def _last_of(values: Iterable[float | None]) -> float | None:
    """The last value that is set."""
    return next((value for value in reversed([*values]) if value is not None), None)


def _usual_decay(trainable: TrainableParameter, settings: OptimizerSettings) -> float:
    if trainable.is_norm:
        return settings.norm_weight_decay
    if trainable.is_bias and settings.bias_weight_decay is not None:
        return settings.bias_weight_decay
    return settings.weight_decay


def _is_meant(trainable: TrainableParameter, group: GroupSettings) -> bool:
    names = {trainable.path, trainable.name}
    return any(names_parameter(pattern, name) for pattern in group.nodes for name in names)


def names_parameter(pattern: str, name: str) -> bool:
    """Whether a pattern means a parameter: by its name, or by a node or module around it.

    Args:
        pattern: a dotted path in which `*` stands for anything, whole or from some name on.
        name: full name of the parameter.
    """
    ends = (pattern, f"{pattern}.*")
    return any(
        fnmatch.fnmatchcase(name, end) or fnmatch.fnmatchcase(name, f"*.{end}") for end in ends
    )


def _require_matches(group: GroupSettings, names: Sequence[str]) -> None:
    for pattern in group.nodes:
        if not any(names_parameter(pattern, name) for name in names):
            hint = did_you_mean(pattern, _paths(names))
            raise NameResolutionError(f"'{pattern}' matches nothing trainable. {hint}")


def _require_depths(group: GroupSettings, parameters: Sequence[TrainableParameter]) -> None:
    meant = [one for one in parameters if _is_meant(one, group)]
    if group.lr_decay is None or any(one.depth is not None for one in meant):
        return
    known = {one.node for one in parameters if one.depth is not None}
    hint = f"It is known of {', '.join(sorted(known))}." if known else ""
    raise NameResolutionError(
        f"lr_decay has no effect on '{', '.join(group.nodes)}': the node types there do not say "
        f"how deep their layers are (layer_depth). {hint}".rstrip()
    )


def _paths(names: Sequence[str]) -> Iterator[str]:
    """Every node, module and parameter of some parameters' names."""
    for name in names:
        parts = name.split(".")
        yield from (".".join(parts[:depth]) for depth in range(1, len(parts) + 1))
