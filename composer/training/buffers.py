"""The buffers of a model: those that its checkpoints have, and those that they lack."""

from __future__ import annotations

from torch import Tensor, nn


def persistent_buffers(model: nn.Module) -> dict[str, Tensor]:
    """The buffers that are part of the state dict, by their names in the tree of modules."""
    return _buffers(model, persistent=True)


def transient_buffers(model: nn.Module) -> dict[str, Tensor]:
    """The buffers that are not part of the state dict: averages that start anew, say."""
    return _buffers(model, persistent=False)


def _buffers(model: nn.Module, *, persistent: bool) -> dict[str, Tensor]:
    found: dict[str, Tensor] = {}
    for path, module in model.named_modules():
        for name, buffer in module.named_buffers(recurse=False):
            if (name not in module._non_persistent_buffers_set) == persistent:
                found[f"{path}.{name}" if path else name] = buffer
    return found
