"""EfficientNet-Lite0 as a chain of functions, written down from its paper for comparison.

It takes a state dict with the names of the classifier on PyPI.
"""

import math

import torch
import torch.nn.functional as F

# Kernel, stride and output channels of each block; all but the first widen sixfold.
BLOCKS = [
    (3, 1, 16),
    *[(3, 2, 24), (3, 1, 24)],
    *[(5, 2, 40), (5, 1, 40)],
    *[(3, 2, 80), (3, 1, 80), (3, 1, 80)],
    *[(5, 1, 112), (5, 1, 112), (5, 1, 112)],
    *[(5, 2, 192), (5, 1, 192), (5, 1, 192), (5, 1, 192)],
    (3, 1, 320),
]


def random_state(seed=0):
    """Weights, and statistics of normalisations that are no identity, under the names on PyPI."""
    generator = torch.Generator().manual_seed(seed)
    state = {}

    def add_conv(name, out_channels, in_channels, kernel):
        std = (in_channels * kernel**2) ** -0.5
        shape = (out_channels, in_channels, kernel, kernel)
        state[f"{name}.weight"] = torch.randn(shape, generator=generator) * 1.5 * std

    def add_norm(name, channels):
        state[f"{name}.weight"] = torch.rand(channels, generator=generator) + 0.5
        state[f"{name}.bias"] = torch.randn(channels, generator=generator) * 0.3
        state[f"{name}.running_mean"] = torch.randn(channels, generator=generator) * 0.2
        state[f"{name}.running_var"] = torch.rand(channels, generator=generator) + 0.5
        state[f"{name}.num_batches_tracked"] = torch.tensor(7)

    add_conv("_conv_stem", 32, 3, 3)
    add_norm("_bn0", 32)
    channels = 32
    for index, (kernel, _, out_channels) in enumerate(BLOCKS):
        inner = channels if index == 0 else 6 * channels
        if index > 0:
            add_conv(f"_blocks.{index}._expand_conv", inner, channels, 1)
            add_norm(f"_blocks.{index}._bn0", inner)
        add_conv(f"_blocks.{index}._depthwise_conv", inner, 1, kernel)
        add_norm(f"_blocks.{index}._bn1", inner)
        add_conv(f"_blocks.{index}._project_conv", out_channels, inner, 1)
        add_norm(f"_blocks.{index}._bn2", out_channels)
        channels = out_channels
    add_conv("_conv_head", 1280, 320, 1)
    add_norm("_bn1", 1280)
    state["_fc.weight"] = torch.randn(1000, 1280, generator=generator) * 0.03
    state["_fc.bias"] = torch.randn(1000, generator=generator)
    return state


def run_features(state, x):
    """The map of the last block."""
    x = _norm(state, "_bn0", _same_conv(x, state["_conv_stem.weight"], 2)).clamp(0, 6)
    channels = 32
    for index, (_, stride, out_channels) in enumerate(BLOCKS):
        name = f"_blocks.{index}"
        y = x
        if index > 0:
            y = F.conv2d(y, state[f"{name}._expand_conv.weight"])
            y = _norm(state, f"{name}._bn0", y).clamp(0, 6)
        weight = state[f"{name}._depthwise_conv.weight"]
        y = _norm(state, f"{name}._bn1", _same_conv(y, weight, stride, len(weight))).clamp(0, 6)
        y = _norm(state, f"{name}._bn2", F.conv2d(y, state[f"{name}._project_conv.weight"]))
        x = x + y if stride == 1 and channels == out_channels else y
        channels = out_channels
    return x


def run_head(state, x):
    """Scores of the 1000 classes from the map of the last block."""
    x = _norm(state, "_bn1", F.conv2d(x, state["_conv_head.weight"])).clamp(0, 6)
    return F.linear(x.mean((2, 3)), state["_fc.weight"], state["_fc.bias"])


def _norm(state, name, x):
    mean, variance, weight, bias = (
        state[f"{name}.{part}"][:, None, None]
        for part in ("running_mean", "running_var", "weight", "bias")
    )
    return (x - mean) / (variance + 1e-3).sqrt() * weight + bias


def _same_conv(x, weight, stride, groups=1):
    """Cell o of the output looks at the kernel's width of cells, as centred as can be."""
    height, width = x.shape[2:]
    kernel = weight.shape[2]
    rows, columns = math.ceil(height / stride), math.ceil(width / stride)
    canvas = x.new_zeros(*x.shape[:2], rows * stride + kernel, columns * stride + kernel)
    top = max((rows - 1) * stride + kernel - height, 0) // 2
    left = max((columns - 1) * stride + kernel - width, 0) // 2
    canvas[:, :, top : top + height, left : left + width] = x
    return F.conv2d(canvas, weight, stride=stride, groups=groups)[:, :, :rows, :columns]
