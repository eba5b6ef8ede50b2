"""Hashes of values: equal ones mean that nodes which are given the values compute the same."""

from __future__ import annotations

import hashlib
from typing import Any

import torch
from torch import Tensor
from torch.utils import _pytree as pytree  # structures are registered in it

_PLAIN = (int, float, str, bool, bytes, type(None), torch.dtype, torch.device)


def digest_value(value: Any) -> str | None:
    """A hash of a value and its types; None where something is in it that has none.

    Args:
        value: tensors in structures, lists, tuples and mappings, and plain values.
    """
    leaves, form = pytree.tree_flatten(value)
    digest = hashlib.blake2b(repr(form).encode(), digest_size=16)
    for leaf in leaves:
        if isinstance(leaf, Tensor):
            if leaf.layout != torch.strided or leaf.is_quantized or leaf.is_meta:
                return None
            plain = leaf.detach().cpu().contiguous()
            # Nodes may compute in the order of memory, so its layout counts.
            digest.update(f"{leaf.dtype} {tuple(leaf.shape)} {leaf.stride()}".encode())
            if plain.numel():
                digest.update(plain.flatten().view(torch.uint8).numpy().data)
        elif type(leaf) in _PLAIN:
            digest.update(f"{type(leaf).__name__} {leaf!r}\n".encode())
        else:
            return None
    return digest.hexdigest()
