"""Normalisations by name, and batch normalisation with frozen statistics and scale.

Legend: N images, C channels.
"""

from collections.abc import Callable
from typing import Any, Literal, TypeAlias

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn


class FrozenBatchNorm2d(nn.Module):
    """Normalises each channel with fixed statistics, scale and shift, all of them buffers.

    This is how detectors use the batch normalisation of a pretrained backbone: their batches are
    too small for statistics of their own (He et al. 2017, appendix).

    The weights of a plain batch normalisation fit: a `num_batches_tracked` among them is ignored.
    Only a module that was frozen after it was built keeps that number, as detectron2's do.

    Args:
        num_features: number of channels.
        eps: added to the variance.
    """

    weight: Tensor
    bias: Tensor
    running_mean: Tensor
    running_var: Tensor
    num_batches_tracked: Tensor | None

    def __init__(self, num_features: int, eps: float = 1e-5) -> None:
        super().__init__()
        self.num_features = num_features
        self.eps = eps
        self.register_buffer("weight", torch.ones(num_features))
        self.register_buffer("bias", torch.zeros(num_features))
        self.register_buffer("running_mean", torch.zeros(num_features))
        self.register_buffer("running_var", torch.full((num_features,), 1 - eps))
        self.register_buffer("num_batches_tracked", None)

    def forward(self, x: Float[Tensor, "N C *_"]) -> Float[Tensor, "N C *_"]:
        """Returns the normalised map."""
        if not x.requires_grad:
            return F.batch_norm(
                x, self.running_mean, self.running_var, self.weight, self.bias, eps=self.eps
            )
        # batch_norm would keep what it needs for the gradients of weight and bias, which nobody
        # asks for; one multiplication and one addition keep less.
        scale = self.weight * (self.running_var + self.eps).rsqrt()
        shift = self.bias - self.running_mean * scale
        shape = (1, -1) + (1,) * (x.ndim - 2)
        return x * scale.reshape(shape).to(x.dtype) + shift.reshape(shape).to(x.dtype)

    def extra_repr(self) -> str:
        """Shows the configuration."""
        return f"num_features={self.num_features}, eps={self.eps}"

    def _load_from_state_dict(self, state_dict: dict[str, Any], prefix: str, *args: Any) -> None:
        key = f"{prefix}num_batches_tracked"
        if self.num_batches_tracked is None:
            state_dict.pop(key, None)
        else:
            state_dict.setdefault(key, self.num_batches_tracked)
        super()._load_from_state_dict(state_dict, prefix, *args)


def freeze_batch_norm(module: nn.Module) -> nn.Module:
    """Replaces every batch normalisation inside a module by a frozen one of the same values.

    Children are replaced in place; a batch normalisation itself is returned as a new module.
    """
    if isinstance(module, nn.BatchNorm2d | nn.SyncBatchNorm):
        return _freeze(module)
    for name, child in module.named_children():
        setattr(module, name, freeze_batch_norm(child))
    return module


def _freeze(norm: nn.BatchNorm2d | nn.SyncBatchNorm) -> FrozenBatchNorm2d:
    frozen = FrozenBatchNorm2d(norm.num_features, norm.eps)
    frozen.num_batches_tracked = norm.num_batches_tracked
    frozen.load_state_dict(norm.state_dict())
    return frozen.to(norm.weight.device)


NormName: TypeAlias = Literal["", "BN", "SyncBN", "FrozenBN", "GN", "LN"]

_NUM_GROUPS = 32


class ChannelLayerNorm(nn.Module):
    """Normalises the channels of every place of a map (Ba et al. 2016; as in ConvNeXt).

    Args:
        num_channels: number of channels.
        eps: added to the variance.
    """

    def __init__(self, num_channels: int, eps: float = 1e-6) -> None:
        super().__init__()
        self.eps = eps
        self.weight = nn.Parameter(torch.ones(num_channels))
        self.bias = nn.Parameter(torch.zeros(num_channels))

    def forward(self, x: Float[Tensor, "N C *_"]) -> Float[Tensor, "N C *_"]:
        """Returns the normalised map."""
        variance, mean = torch.var_mean(x, dim=1, correction=0, keepdim=True)
        shape = (-1,) + (1,) * (x.ndim - 2)
        x = (x - mean) * (variance + self.eps).rsqrt()
        return x * self.weight.reshape(shape) + self.bias.reshape(shape)


def build_norm(name: NormName, num_channels: int) -> nn.Module | None:
    """Builds a normalisation.

    Args:
        name: "" for none, BN for batch normalisation, SyncBN for that over all processes,
            FrozenBN for that with fixed statistics, GN for groups of channels (32 of them,
            Wu and He 2018), LN for the channels of every place.
        num_channels: number of channels of the map.

    Raises:
        ValueError: there is none of that name, or GN does not divide the channels.
    """
    if name == "":
        return None
    if name not in _BUILDERS:
        raise ValueError(f"No normalisation is called '{name}': take one of {list(_BUILDERS)}.")
    return _BUILDERS[name](num_channels)


def _build_group_norm(num_channels: int) -> nn.Module:
    return nn.GroupNorm(_NUM_GROUPS, num_channels)


_BUILDERS: dict[str, Callable[[int], nn.Module]] = {
    "BN": nn.BatchNorm2d,
    "SyncBN": nn.SyncBatchNorm,
    "FrozenBN": FrozenBatchNorm2d,
    "GN": _build_group_norm,
    "LN": ChannelLayerNorm,
}
