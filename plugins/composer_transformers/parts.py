"""Parts of transformers' models, with weights that start as transformers starts them.

A model is built on the meta device, and its parts are copied from it: the others take no memory.
transformers loads checkpoints in the same way.
"""

import copy
import json
import sys
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

import torch
from torch import nn

from composer_transformers.configuration import FAMILIES
from composer_transformers.library import load_library
from composer_transformers.tied_weights import find_tied, share_parameter, untie_on_load

Part = nn.Module | nn.Parameter


def install_parts(
    module: nn.Module,
    config: Any,
    names: Mapping[str, str],
    *,
    from_whole: bool = False,
    architecture: str | None = None,
) -> None:
    """Builds parts of a model and registers them in a module; see `take_parts`."""
    parts = take_parts(config, names, from_whole=from_whole, architecture=architecture)
    for name, part in parts.items():
        setattr(module, name, part)
    untie_on_load(module)


def take_parts(
    config: Any,
    names: Mapping[str, str],
    *,
    from_whole: bool = False,
    architecture: str | None = None,
) -> dict[str, Part]:
    """Builds parts of a model.

    Args:
        config: the model's configuration.
        names: for each part, the name that it is to have: its name in the model.
        from_whole: build the whole model with its memory: for parts whose constructors alone
            give some weights their first values (networks of timm, parameters of YOLOS).
        architecture: the model's class; by default that of its family.

    Returns:
        The parts by their new names, on the default device; of those the model does not have,
        nothing.
    """
    device = torch.get_default_device()
    if from_whole and device.type != "meta":
        whole = build_whole(config, architecture)
    else:
        whole = copy.deepcopy(find_skeleton(config, architecture))
        if device.type != "meta":
            there = {old for old in names.values() if _find(whole, old) is not None}
            _give_memory(whole, there, device)
    found = {new: _find(whole, old) for new, old in names.items()}
    return {new: part for new, part in found.items() if part is not None}


def build_network(config: Any, *, without_memory: bool = False) -> nn.Module:
    """Builds the backbone of a configuration, on the default device or without memory."""
    with torch.device("meta" if without_memory else torch.get_default_device()):
        return load_library().AutoBackbone.from_config(config)


def build_whole(config: Any, architecture: str | None = None) -> Any:
    """Builds the model of a configuration on the default device."""
    return _find_class(config, architecture)(config)


def build_on_meta(config: Any, architecture: str | None = None) -> Any:
    """Builds the model of a configuration without memory."""
    with torch.device("meta"):
        return build_whole(config, architecture)


def find_function(config: Any, name: str) -> Any:
    """A function of the module of transformers that defines a configuration's model."""
    return getattr(sys.modules[_find_class(config).__module__], name)


def find_loss(config: Any, architecture: str | None = None) -> Any:
    """The function that computes the losses of a configuration's model."""
    return find_skeleton(config, architecture).loss_function


def find_loss_weights(config: Any) -> dict[str, float]:
    """The weights of the losses of a model that predicts masks."""
    return dict(find_skeleton(config).weight_dict)


def find_skeleton(config: Any, architecture: str | None = None) -> Any:
    """The model of a configuration without memory, which is not to be changed."""
    values = json.dumps(config.to_dict(), default=str)
    return _build_skeleton(config.model_type, architecture, values)


def _find_class(config: Any, architecture: str | None = None) -> Any:
    return getattr(load_library(), architecture or FAMILIES[config.model_type].architecture)


@lru_cache(maxsize=8)  # the nodes of a model share it
def _build_skeleton(kind: str, architecture: str | None, values: str) -> Any:
    config = load_library().CONFIG_MAPPING[kind].from_dict(json.loads(values))
    return build_on_meta(config, architecture)


def _find(whole: nn.Module, name: str) -> Part | None:
    parent_name, _, last = name.rpartition(".")
    try:
        parent = whole.get_submodule(parent_name)
    except AttributeError:
        return None
    found = getattr(parent, last, None)
    return found if isinstance(found, nn.Module | nn.Parameter) else None


def _give_memory(whole: Any, names: set[str], device: torch.device) -> None:
    """Gives parts of a model memory and their first weights, in place."""
    tied = list(find_tied(whole))
    for name in names:
        part = _find(whole, name)
        if isinstance(part, nn.Module):
            part.to_empty(device=device)
        elif part is not None:
            parent, last = _split(whole, name)
            setattr(parent, last, nn.Parameter(torch.empty_like(part, device=device)))
    around = {
        name.rsplit(".", depth)[0] for name in names for depth in range(1, name.count(".") + 1)
    }
    for name, module in whole.named_modules():
        inside = any(name == one or name.startswith(f"{one}.") for one in names)
        module._is_hf_initialized = not inside and name != "" and name not in around
    whole.initialize_weights()
    for same in tied:
        filled = [name for name in same if whole.get_parameter(name).device.type != "meta"]
        if len(filled) > 1:
            share_parameter(whole, filled)


def _split(whole: nn.Module, name: str) -> tuple[nn.Module, str]:
    parent, _, last = name.rpartition(".")
    return whole.get_submodule(parent), last
