"""The key of a compiled set of nodes: a hash of all that decides what it computes and where."""

from __future__ import annotations

import hashlib
import inspect
import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from composer.acceleration.tensor_part import TensorPart
from composer.blueprint import Node
from composer.layers import EnginePart, EngineTensor
from composer.processor import find_processor

_OF_TORCH = ("torch", "builtins")


def describe_entry(
    part: TensorPart, shown: EnginePart, engine: str, version: str, precision: str
) -> dict[str, Any]:
    """What a set of nodes is compiled from and for, apart from weights and calibration.

    Args:
        part: the set.
        shown: the set as the engine gets it.
        engine: name of the engine.
        version: its version.
        precision: the precision.
    """
    return {
        "nodes": {node.path: _describe_node(node) for node in part.nodes},
        "inputs": [_describe_tensor(each) for each in shown.inputs],
        "outputs": [_describe_tensor(each) for each in shown.outputs],
        "engine": f"{engine} {version}",
        "precision": precision,
        "torch": torch.__version__,
        "processor": list(find_processor()),
        "code": _digest_code(part),
    }


def make_key(description: Mapping[str, Any], tensors: Iterable[Tensor], calibration: str) -> str:
    """The key of a description together with weights and calibration.

    Args:
        description: see `describe_entry`.
        tensors: the weights.
        calibration: a hash of what the set is calibrated on, or an empty text.
    """
    text = json.dumps([description, calibration], sort_keys=True, default=repr)
    digest = hashlib.sha256(text.encode())
    for tensor in tensors:
        update_digest(digest, tensor)
    return digest.hexdigest()[:40]


def update_digest(digest: Any, tensor: Tensor) -> None:
    """Adds a tensor to a hash."""
    plain = tensor.detach().cpu().contiguous()
    digest.update(f"{plain.dtype} {tuple(plain.shape)}".encode())
    digest.update(plain.flatten().view(torch.uint8).numpy() if plain.numel() else b"")


def _describe_node(node: Node) -> dict[str, Any]:
    wires = {
        port: [str(slot) for slot in end.slots] for port, end in node.arguments["inference"].items()
    }
    config = {name: repr(value) for name, value in node.config.items()}
    return {"uses": node.type_name, "label": node.label, "with": config, "inputs": wires}


def _describe_tensor(tensor: EngineTensor) -> list[Any]:
    return [tensor.name, str(tensor.dtype), {str(k): v for k, v in tensor.dynamic.items()}]


def _digest_code(part: TensorPart) -> str:
    """A hash of the source files that define the layers of a set of nodes."""
    kinds: set[Any] = {type(module) for module in part.modules()}
    files: set[str] = set()
    functions: list[Any] = [each for each in part.functions if not isinstance(each, nn.Module)]
    for kind in [*kinds, *functions]:
        if str(getattr(kind, "__module__", "")).partition(".")[0] in _OF_TORCH:
            continue
        try:
            files.add(inspect.getsourcefile(kind) or "")
        except TypeError:
            continue
    digest = hashlib.sha256()
    for file in sorted(files):
        try:
            digest.update(Path(file).read_bytes())
        except OSError:
            digest.update(file.encode())
    return digest.hexdigest()
