"""Fingerprints of modules: what tells whether their weights are those that something was made of.

Identity, address and version counter of a tensor show each change that torch counts. Writes to
`tensor.data` and to arrays of numpy pass it by, so some numbers of each tensor are compared, too,
as many as cost a run nothing: they show other weights, but not a single number.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor, nn

from composer.module_tree import own_modules

Fingerprint = tuple[Any, ...]

_PLAIN = (Tensor, nn.Parameter)
_NUM_SAMPLES = 64  # of a tensor, spread over it


def take_fingerprint(module: nn.Module) -> Fingerprint | None:
    """Identifies the weights of a node's module as they are now; None if hooks watch it.

    Args:
        module: the module; those of other nodes that it holds do not count.
    """
    found: list[Any] = [id(module)]
    for _, inner in own_modules(module):
        if inner._forward_hooks or inner._forward_pre_hooks:
            return None
        found.append(id(inner))
        found += _describe_all((*inner._parameters.values(), *inner._buffers.values()))
    return tuple(found)


def _describe_all(tensors: Iterable[Tensor | None]) -> list[Any]:
    return [_describe(tensor) for tensor in tensors if tensor is not None]


def _describe(tensor: Tensor) -> tuple[int, int, int, bytes]:
    version = 0 if tensor.is_inference() else tensor._version
    return id(tensor), version, tensor.data_ptr(), _sample(tensor)


def _sample(tensor: Tensor) -> bytes:
    """Some numbers of a plain tensor on the processor, spread over it."""
    is_plain = type(tensor) in _PLAIN and tensor.layout == torch.strided
    if not is_plain or tensor.device.type != "cpu" or not tensor.is_contiguous():
        return b""
    flat = tensor.detach().view(-1)
    step = max(1, len(flat) // _NUM_SAMPLES)
    return flat[::step].contiguous().view(torch.uint8).numpy().tobytes()
