"""The function that Spark's `predict_batch_udf` calls in each of its workers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from composer.batch.batch_model import BatchModel


class PredictFunction:
    """Gives what a model says of images, in the forms that Spark takes.

    Args:
        model: the model, with a row an image.
        columns: the columns that are given, those of Spark's return type; None for all.
    """

    def __init__(self, model: BatchModel, columns: Sequence[str] | None = None) -> None:
        self._model, self._columns = model, columns

    def __call__(self, images: Any) -> Mapping[str, Any] | list[dict[str, Any]]:
        """The rows of images.

        Args:
            images: an array of names, or of contents of files; or of pixels, N x H x W x 3.

        Returns:
            Arrays by column, of a number or of flat tensors a row; a list of dicts where rows have
            lists of any length, which are flat.
        """
        array = np.asarray(images)
        first = array.flat[0] if array.size else ""
        name = "path" if isinstance(first, str) else "bytes"
        found = self._model({"image" if array.ndim > 1 else name: images})
        if self._columns is not None:
            found = {key: found[key] for key in self._columns}
        if all(column.kind in ("number", "tensor", "text") for column in self._model.columns):
            return {key: _to_matrix(value) for key, value in found.items()}
        length = len(next(iter(found.values())))
        return [
            {key: _flatten(value[row]) for key, value in found.items()} for row in range(length)
        ]


def _to_matrix(values: Any) -> Any:
    return values.reshape(len(values), -1) if values.ndim > 1 else values


def _flatten(value: Any) -> Any:
    if isinstance(value, np.ndarray):
        return value.reshape(-1).tolist()
    return value.item() if isinstance(value, np.generic) else value
