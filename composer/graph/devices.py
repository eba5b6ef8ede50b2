"""Where graphs compute."""

from __future__ import annotations

import torch
from torch import nn

from composer.errors import InputError


def find_device(name: str) -> torch.device:
    """The device of a name.

    Raises:
        InputError: if there is no such device, or it cannot be used here.
    """
    try:
        device = torch.device(name)
        torch.empty(0, device=device)
    except (RuntimeError, AssertionError) as error:
        reason = str(error).partition("\n")[0]
        raise InputError(f"the device '{name}' cannot be used: {reason}") from error
    return device


def device_of(model: nn.Module) -> torch.device:
    """Where a model's first parameter is; the CPU for a model without any."""
    parameter = next(model.parameters(), None)
    return torch.device("cpu") if parameter is None else parameter.device
