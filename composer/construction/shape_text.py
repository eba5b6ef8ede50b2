"""Shapes in words, for messages."""

from __future__ import annotations

from collections.abc import Mapping

from composer.structures import TensorShape


def describe_shape(shape: object) -> str:
    """A shape in words, as far as it is known: `256 channels, stride 16`."""
    if isinstance(shape, Mapping):
        return "; ".join(f"{name}: {describe_shape(part)}" for name, part in shape.items())
    if isinstance(shape, list):
        return "; ".join(describe_shape(part) for part in shape)
    if not isinstance(shape, TensorShape):
        return "an open shape" if shape is None else str(shape)
    known = [] if shape.channels is None else [f"{shape.channels} channels"]
    others = {"height": shape.height, "width": shape.width, "stride": shape.stride}
    known += [f"{name} {size}" for name, size in others.items() if size is not None]
    return ", ".join(known) or "an open shape"
