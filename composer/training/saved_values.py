"""The plain values of a training's state, checked when they are read."""

from __future__ import annotations

from typing import Annotated, Any

from annotated_types import Len
from pydantic import BaseModel, ConfigDict, NonNegativeInt, ValidationError

from composer.errors import CheckpointError


class SavedBest(BaseModel):
    """A best value so far: see `BestMetric`."""

    model_config = ConfigDict(strict=True, extra="forbid")

    metric: str
    better: str
    value: float | None
    iteration: int
    num_worse: NonNegativeInt


class SavedValues(BaseModel):
    """What a checkpoint of a training holds besides tensors."""

    model_config = ConfigDict(strict=True, extra="forbid")

    iteration: NonNegativeInt
    evaluated: NonNegativeInt
    is_unmeasured: bool
    metrics: dict[str, float]
    record: dict[str, float]
    means: list[dict[str, Annotated[list[float], Len(2, 2)]]]
    best: SavedBest | None
    patience: SavedBest | None
    optimizer: str
    scaler: dict[str, Any]
    num_updates: NonNegativeInt


def check_values(values: Any, source: str) -> dict[str, Any]:
    """The values of a state, if they have the right form.

    Args:
        values: what was read.
        source: the file, for messages.

    Raises:
        CheckpointError: a value is missing, unknown or of another type.
    """
    try:
        SavedValues.model_validate(values)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        place = ".".join(map(str, first["loc"])) or "its values"
        raise CheckpointError(
            f"{source}: the state of the training is damaged, or of another version: "
            f"{place}: {first['msg']}"
        ) from None
    checked: dict[str, Any] = values
    return checked
