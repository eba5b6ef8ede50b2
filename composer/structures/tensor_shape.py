"""The shape of a port's value, as far as it is known before a run."""

from dataclasses import dataclass


@dataclass(frozen=True)
class TensorShape:
    """Channels, spatial size and stride of one feature map or of pooled regions.

    Args:
        channels: number of channels.
        height: rows, where they are fixed (pooled regions), else None.
        width: columns, where they are fixed, else None.
        stride: pixels of the input image per cell, where that has a meaning, else None.
    """

    channels: int | None = None
    height: int | None = None
    width: int | None = None
    stride: int | None = None
