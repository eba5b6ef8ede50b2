"""Ranges of configuration values: a node type that annotates with them has its specs checked.

A number outside of its range is found when a spec is loaded or checked, with its place. None of
these numbers is infinite or not a number.
"""

from typing import Annotated, Literal, TypeAlias

from pydantic import Field

PositiveInt: TypeAlias = Annotated[int, Field(ge=1)]
NonNegativeInt: TypeAlias = Annotated[int, Field(ge=0)]
Channels: TypeAlias = PositiveInt | Literal[-1]  # -1 keeps the number of channels

# Blocks or layers, one after the other; the deepest networks have about a thousand.
Depth: TypeAlias = Annotated[int, Field(ge=1, le=10_000)]
OptionalDepth: TypeAlias = Annotated[int, Field(ge=0, le=10_000)]

# Pixels of an image's side; a square image of that many has 4 billion pixels.
PixelSide: TypeAlias = Annotated[int, Field(ge=1, le=65_536)]
OptionalPixelSide: TypeAlias = Annotated[int, Field(ge=0, le=65_536)]  # 0 for none
# What the sides of an image are multiples of: a stride, or a few of them.
Divisor: TypeAlias = Annotated[int, Field(ge=0, le=4096)]
# Rows or columns of a grid on a region; grids have up to about 60.
GridSide: TypeAlias = Annotated[int, Field(ge=1, le=1024)]

Finite: TypeAlias = Annotated[float, Field(allow_inf_nan=False)]
NonNegative: TypeAlias = Annotated[float, Field(ge=0, allow_inf_nan=False)]
Positive: TypeAlias = Annotated[float, Field(gt=0, allow_inf_nan=False)]
Fraction: TypeAlias = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]
Share: TypeAlias = Annotated[float, Field(gt=0, le=1, allow_inf_nan=False)]
Chance: TypeAlias = Annotated[float, Field(ge=0, lt=1, allow_inf_nan=False)]
Probability: TypeAlias = Annotated[float, Field(gt=0, lt=1, allow_inf_nan=False)]
CellOffset: TypeAlias = Annotated[float, Field(ge=0, lt=1, allow_inf_nan=False)]

# Samples of a cell in each direction; more than these are no better, and overflow in C code.
SamplingRatio: TypeAlias = Annotated[int, Field(ge=-1, le=64)]

MatchLabel: TypeAlias = Literal[-1, 0, 1]  # left out, background, object
