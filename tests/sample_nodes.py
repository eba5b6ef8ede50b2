"""Small node types that tests make graphs of. `NODES` has them by the names that specs use.

Legend: R rows, C channels.
"""

from typing import Annotated, Any, Literal, NamedTuple

import torch
from torch import Tensor, nn

from composer.structures import Boxes, Features, Losses, PortType, TensorShape

Rows = Annotated[Tensor, PortType("Rows", "A batch of vectors (R, C).")]


class Source(nn.Module):
    """Gives rows of a known number of channels."""

    def __init__(self, *, channels: int = 2) -> None:
        super().__init__()
        self.channels = channels

    @property
    def output_shape(self) -> TensorShape:
        return TensorShape(channels=self.channels)

    def forward(self, x: Tensor) -> Rows:
        return x[:, : self.channels] * 1.0


class Linear(nn.Module):
    """A linear layer whose input size comes from the graph."""

    def __init__(self, *, x_shape: TensorShape, out: int = 2, bias: bool = True) -> None:
        super().__init__()
        self.linear = nn.Linear(x_shape.channels or 0, out, bias=bias)

    @property
    def output_shape(self) -> TensorShape:
        return TensorShape(channels=self.linear.out_features)

    def forward(self, x: Rows) -> Rows:
        return self.linear(x)


class Scale(nn.Module):
    """Multiplies with a weight of its own."""

    def __init__(self, *, start: float = 2.0, norm: Literal["", "BN", "GN"] = "") -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.tensor(start))
        self.norm = norm

    def forward(self, x: Tensor) -> Tensor:
        return x * self.weight


class Halves(NamedTuple):
    """Two parts of a value."""

    low: Tensor
    high: Tensor


def split(x: Tensor) -> Halves:
    """Takes the positive part from the negative one."""
    return Halves(x.clamp(max=0), x.clamp(min=0))


def add(a: Tensor, b: Tensor) -> Tensor:
    """Adds two values."""
    return a + b


def total(parts: list[Tensor], extra: Tensor | None = None) -> Tensor:
    """Adds any number of values."""
    whole = torch.stack(parts).sum(0)
    return whole if extra is None else whole + extra


def shift(x: Tensor, *, by: float = 1.0) -> Tensor:
    """Adds a number."""
    return x + by


class Noise(nn.Module):
    """Adds noise from the node's own generator; less of it in inference."""

    def forward(self, x: Tensor, generator: torch.Generator) -> Tensor:
        noise = torch.randn(x.shape, generator=generator, device=x.device)
        return x + noise * (1.0 if self.training else 0.1)


def fail(x: Tensor) -> Tensor:
    """Fails."""
    raise ValueError("it cannot be done")


def losses(x: Tensor, *, name: str = "loss") -> Losses:
    """A loss."""
    return {name: x.square().mean()}


def features(x: Tensor) -> Features:
    """Feature maps."""
    return {"p2": x}


def boxes(x: Tensor) -> list[Boxes]:
    """Boxes per image."""
    return [Boxes(torch.zeros(1, 4))]


def count(boxes: list[Boxes]) -> Tensor:
    """Counts boxes."""
    return torch.tensor(float(sum(len(each) for each in boxes)))


NODES: dict[str, Any] = {
    "source": Source,
    "linear": Linear,
    "scale": Scale,
    "split": split,
    "add": add,
    "total": total,
    "shift": shift,
    "noise": Noise,
    "fail": fail,
    "losses": losses,
    "features": features,
    "boxes": boxes,
    "count": count,
}
