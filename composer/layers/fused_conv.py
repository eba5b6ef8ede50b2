"""Convolutions for inference: a normalisation in the weights, and what follows done on the way.

On the CPU the weights are laid out once for the processor, and an addition and an activation are
applied to the output while it is in the cache. torch does this through operators of its compiler
that it does not document, so they are tried once, against the plain ones; where they are missing
or another device is used, plain operators compute the same. In float32, convolutions of 3 x 3 with
many channels are computed by tiles (`composer.ops.winograd`), which takes about half the time.

Legend: N images, C channels, H W height and width.
"""

from collections.abc import Callable
from functools import lru_cache
from typing import Any, TypeGuard

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from composer.layers.norm import FrozenBatchNorm2d
from composer.layers.packed_module import PackedModule
from composer.ops import convolve_tiles, count_tiles, transform_kernels

Map = Float[Tensor, "N _ _ _"]
Activation = Callable[[Tensor], Tensor]

# The operators' names of activations, and their parameters.
_ATTRIBUTES: dict[Any, tuple[str, list[float]]] = {
    F.relu: ("relu", []),
    torch.relu: ("relu", []),
    F.relu6: ("hardtanh", [0.0, 6.0]),
    F.silu: ("swish", []),
    F.hardswish: ("hardswish", []),
    nn.ReLU: ("relu", []),
    nn.ReLU6: ("hardtanh", [0.0, 6.0]),
    nn.SiLU: ("swish", []),
    nn.Hardswish: ("hardswish", []),
}

# Below these, transforms of tiles take longer than they save.
_LEAST_CHANNELS, _LEAST_TILES = 96, 16
_RECTIFIERS = (F.relu, torch.relu)

AnyBatchNorm = nn.BatchNorm2d | nn.SyncBatchNorm | FrozenBatchNorm2d


class FusedConv2d(PackedModule):
    """A convolution in inference, then an addition, then an activation.

    In bfloat16 the bias stays in float32 where the operators take it so: it is rounded once, with
    the sum.

    Args:
        conv: gives the options; its weights unless others are given.
        weight: the weights, C x C x H x W.
        bias: the bias; None for none.
        activation: applied last; None for none.
    """

    def __init__(
        self,
        conv: nn.Conv2d,
        weight: Tensor,
        bias: Tensor | None,
        activation: Activation | None = None,
    ) -> None:
        super().__init__(weight, bias)
        self.in_channels, self.out_channels = conv.in_channels, conv.out_channels
        self.kernel_size, self.stride, self.dilation = conv.kernel_size, conv.stride, conv.dilation
        self.padding = _find_padding(conv)
        self.groups = conv.groups
        self.activation = activation
        self._kernels: Tensor | None = None  # those of tiles

    def forward(self, x: Map, addend: Map | None = None) -> Map:
        """Returns the convolved, increased and activated map; a batch may be empty.

        Args:
            x: the input.
            addend: a map of the output's size that is added before the activation.
        """
        if self._can_call_packed(x, addend):
            if self._can_tile(x):
                return self._call_tiled(x, addend)
            return self._call_packed(x, addend)
        if self.weight is None and len(x) == 0:  # no need for it
            return x.new_empty((0, self.out_channels, *self._find_size(x)))
        x = F.conv2d(
            x,
            self.find_weight(),
            self._bias_as(x.dtype),
            self.stride,
            self.padding,
            self.dilation,
            self.groups,
        )
        if addend is not None:
            x = x + addend
        return x if self.activation is None else self.activation(x)

    def _bias_as(self, dtype: torch.dtype) -> Tensor | None:
        return None if self.bias is None else self.bias.to(dtype)

    def _can_call_packed(self, x: Tensor, addend: Tensor | None) -> bool:
        fits = self._is_packable(x) and (addend is None or self._fits(x, addend))
        return fits and can_pack(x.dtype)

    def _fits(self, x: Tensor, addend: Tensor) -> bool:
        """Whether an addend is of the output's type and size: others are added by torch."""
        has_gradient = torch.is_grad_enabled() and addend.requires_grad
        return (
            addend.dtype == x.dtype
            and not has_gradient
            and list(addend.shape) == [x.shape[0], self.out_channels, *self._find_size(x)]
        )

    def _find_size(self, x: Tensor) -> list[int]:
        """Height and width of the output."""
        geometry = zip(self.kernel_size, self.stride, self.padding, self.dilation, strict=True)
        return [
            (size + 2 * padding - dilation * (kernel - 1) - 1) // stride + 1
            for size, (kernel, stride, padding, dilation) in zip(x.shape[2:], geometry, strict=True)
        ]

    def _can_tile(self, x: Tensor) -> bool:
        """Whether tiles are faster: a matter of numbers alone, so that results are repeatable."""
        shape = (self.kernel_size, self.stride, self.padding, self.dilation, self.groups)
        return (
            x.dtype == torch.float32
            and shape == ((3, 3), (1, 1), (1, 1), (1, 1), 1)
            and min(self.in_channels, self.out_channels) >= _LEAST_CHANNELS
            and count_tiles(x) >= _LEAST_TILES
            and has_vectors()
        )

    def _call_tiled(self, x: Map, addend: Map | None) -> Map:
        is_rectified = isinstance(self.activation, nn.ReLU) or self.activation in _RECTIFIERS
        x = x.contiguous(memory_format=torch.channels_last)
        y: Tensor = convolve_tiles(
            x, self._find_kernels(), self.bias, addend, is_rectified=is_rectified
        )
        return y if is_rectified or self.activation is None else self.activation(y)

    def _find_kernels(self) -> Tensor:
        """Returns the weights as products of tiles take them, four times as large."""
        if self._kernels is None:
            weight = self.find_weight().detach()
            with torch.inference_mode(False), torch.no_grad():
                self._kernels = transform_kernels(weight)
        return self._kernels

    def _call_packed(self, x: Map, addend: Map | None) -> Map:
        packed = self.find_packed(x)
        geometry = (list(self.padding), list(self.stride), list(self.dilation), self.groups)
        name, scalars = find_attribute(self.activation)
        x = x.contiguous(memory_format=torch.channels_last)
        operators = torch.ops.mkldnn
        if addend is not None and name != "relu":  # the only one that is fused after an addition
            name, scalars = "none", []
        if addend is None:
            y: Tensor = operators._convolution_pointwise(
                x, packed, self.bias, *geometry, name, scalars, ""
            )
        else:
            addend = addend.contiguous(memory_format=torch.channels_last)
            unary, bias = None if name == "none" else name, self._bias_as(x.dtype)
            y = operators._convolution_pointwise.binary(
                x, addend, packed, bias, *geometry, "add", 1.0, unary, scalars, ""
            )
        is_done = self.activation is None or name != "none"
        return y if is_done or self.activation is None else self.activation(y)

    def _pack(self, weight: Tensor, x: Tensor) -> Tensor:
        reorder = torch.ops.mkldnn._reorder_convolution_weight
        size = [max(1, x.shape[0]), *x.shape[1:]]
        geometry = (list(self.padding), list(self.stride), list(self.dilation), self.groups, size)
        packed: Tensor = reorder(weight, *geometry)
        return packed

    def _unpack(self) -> None:
        super()._unpack()
        self._kernels = None

    def __getstate__(self) -> dict[str, Any]:
        return {**super().__getstate__(), "_kernels": None}

    def extra_repr(self) -> str:
        """Shows the configuration."""
        name = find_attribute(self.activation)[0]
        return f"{self.in_channels}, {self.out_channels}, {self.kernel_size}, activation={name}"


def fuse_conv(
    conv: nn.Conv2d, norm: nn.Module | None = None, activation: Activation | None = None
) -> FusedConv2d:
    """Returns a convolution with a normalisation in its weights and an activation after it.

    Args:
        conv: the convolution. Its padding is zeros.
        norm: a batch normalisation in inference, frozen or not, or None; see `is_foldable`.
        activation: applied last.
    """
    if norm is None:
        return FusedConv2d(conv, conv.weight, conv.bias, activation)
    return FusedConv2d(conv, *scale_weight(conv.weight, conv.bias, norm), activation)


def scale_weight(weight: Tensor, bias: Tensor | None, norm: nn.Module) -> tuple[Tensor, Tensor]:
    """Returns the weights and bias of a convolution that does the work of a normalisation after it.

    Args:
        weight: the weights of the convolution, C x C x H x W.
        bias: its bias; None for none.
        norm: a batch normalisation in inference, frozen or not; see `is_foldable`.
    """
    assert isinstance(norm, AnyBatchNorm)
    assert norm.running_mean is not None
    assert norm.running_var is not None
    with torch.no_grad():
        scale = (norm.running_var + norm.eps).rsqrt()
        if norm.weight is not None:
            scale = scale * norm.weight
        mean = norm.running_mean if bias is None else norm.running_mean - bias
        shift = -mean * scale if norm.bias is None else norm.bias - mean * scale
        return weight * scale[:, None, None, None], shift


def is_fusible(conv: object) -> TypeGuard[nn.Conv2d]:
    """Whether a module is a plain convolution, whose class computes nothing else."""
    if type(conv) is not nn.Conv2d or has_hooks(conv):
        return False
    return conv.padding_mode == "zeros" and is_symmetric(conv)


def is_symmetric(conv: nn.Conv2d) -> bool:
    """Whether a convolution pads as much before as after: `same` does not for some kernels."""
    reach = zip(conv.dilation, conv.kernel_size, strict=True)
    return conv.padding != "same" or all(d * (k - 1) % 2 == 0 for d, k in reach)


def is_foldable(norm: object) -> bool:
    """Whether a module is a normalisation that a convolution before it can do, or None."""
    if norm is None:
        return True
    is_plain = type(norm) in (nn.BatchNorm2d, nn.SyncBatchNorm, FrozenBatchNorm2d)
    if not is_plain or not isinstance(norm, AnyBatchNorm) or has_hooks(norm):
        return False
    return norm.running_mean is not None and norm.running_var is not None and not norm.training


def has_hooks(module: nn.Module) -> bool:
    """Whether functions of a user see what a module is given or gives."""
    return bool(module._forward_hooks or module._forward_pre_hooks)


def find_attribute(activation: Activation | None) -> tuple[str, list[float]]:
    """Returns an activation's name for torch's fused operators, `none` where it has none."""
    if activation is None:
        return "none", []
    if type(activation) is nn.LeakyReLU:
        return "leaky_relu", [activation.negative_slope]
    kind = type(activation) if isinstance(activation, nn.Module) else activation
    try:
        return _ATTRIBUTES.get(kind, ("none", []))
    except TypeError:  # a callable without a hash
        return "none", []


@lru_cache
def has_vectors() -> bool:
    """Whether the processor multiplies matrices fast enough for tiles: x86 with AVX2 or more."""
    return torch.backends.cpu.get_cpu_capability() in ("AVX2", "AVX512")


@lru_cache
def can_pack(dtype: torch.dtype) -> bool:
    """Whether torch's fused operators are there and compute what the plain ones do."""
    with torch.inference_mode(False), torch.no_grad(), torch.device("cpu"):
        x = torch.linspace(-1, 1, 128).reshape(1, 8, 4, 4).to(dtype)
        conv = nn.Conv2d(8, 8, 3, padding=1, device="meta")
        weight = torch.linspace(-1, 1, 576).reshape(8, 8, 3, 3).to(dtype)
        bias = torch.linspace(-1, 1, 8)
        fused = FusedConv2d(conv, weight, bias, F.relu)
        try:
            found = fused._call_packed(fused._call_packed(x, None), x)
        except (RuntimeError, AttributeError, TypeError, NotImplementedError):
            return False
        plain = x.float()
        for addend in (torch.zeros_like(plain), x.float()):
            plain = F.relu(F.conv2d(plain, weight.float(), bias, padding=1) + addend)
        is_close = torch.allclose(found.float(), plain, rtol=0.05, atol=0.05)
        return is_close and torch.equal(fused.find_weight(), weight)


def _find_padding(conv: nn.Conv2d) -> tuple[int, ...]:
    """Zeros on both sides of rows and columns; of `same`, the half of the kernel's reach."""
    if not isinstance(conv.padding, str):
        return tuple(conv.padding)
    if conv.padding == "valid":
        return (0, 0)
    return tuple(
        dilation * (kernel - 1) // 2
        for dilation, kernel in zip(conv.dilation, conv.kernel_size, strict=True)
    )
