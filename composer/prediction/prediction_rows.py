"""Predictions as a row an image, with lists that are aligned: boxes, scores, classes and the rest.

Legend: R instances, K keypoints.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import torch
from PIL import Image

from composer.errors import ExecutionError, InputError
from composer.graph import Graph
from composer.prediction.prediction import Prediction
from composer.prediction.predictor import Predictor
from composer.prediction.row_metadata import describe_file, describe_source
from composer.row_files import Column, ImageRows, find_columns

_PLAIN = Image.new("RGB", (96, 64), (127, 127, 127))


class PredictionRows:
    """A model whose predictions are collected by a job over many images, a row each.

    Args:
        predictor: the model.
    """

    def __init__(self, predictor: Predictor) -> None:
        self._predictor = predictor

    @property
    def graph(self) -> Graph:
        """The model."""
        return self._predictor.graph

    def find_columns(self) -> tuple[Column, ...]:
        """The columns of all rows.

        Raises:
            InputError: the model returns no instances.
        """
        return find_prediction_columns(self._predictor)

    def collect(self, image: Any, number: int = 0, name: str | None = None) -> ImageRows:
        """The row of one image; of one that cannot be read, or on which the model fails, the error.

        That a model fails on all images is found by `find_columns`.
        """
        name = image if isinstance(image, str) else name
        try:
            prediction = self._predictor(image)
            return make_rows(replace(prediction, file_name=name), number)
        except (ExecutionError, InputError) as error:
            message = str(error)
            if isinstance(image, bytes) and name is not None:
                message = message.replace("the image", name, 1)
            return ImageRows(number, name, error=message)

    def describe(self) -> dict[str, Any]:
        """What is predicted, with which weights: the same for what gives equal rows."""
        return describe_source(self._predictor.graph, self._predictor.describe_options())

    def describe_file(self, columns: tuple[Column, ...]) -> dict[str, str]:
        """The metadata of files of these rows."""
        return describe_rows(self._predictor, columns)


def describe_rows(predictor: Predictor, columns: tuple[Column, ...]) -> dict[str, str]:
    """The metadata of a file of predictions: the spec, a hash of the weights, options, columns."""
    return describe_file(predictor.graph, predictor.describe_options(), columns, {})


def find_prediction_columns(predictor: Predictor) -> tuple[Column, ...]:
    """The columns of all predictions of a model: those for a plain grey image.

    Raises:
        InputError: the model returns no instances.
    """
    return find_columns(make_rows(predictor(_PLAIN), 0))


def make_rows(prediction: Prediction, number: int, *, frame: int = 0) -> ImageRows:
    """The row of a prediction.

    Columns are `boxes` (XYXY in pixels, or centre, size and angle), `scores`, `classes` (from 0),
    `class_names`, `category_ids` (those of the training set, else from 1), and as far as the model
    has them `masks` (COCO's compressed run lengths) and `keypoints` (x, y, score).

    Args:
        prediction: the prediction.
        number: of the image.
        frame: of a video, from 1; 0 of an image.

    Raises:
        InputError: the model returns no instances.
    """
    found, image = prediction.instances, prediction.image
    entries = prediction.to_coco(number)
    lists: dict[str, Any] = {
        "boxes": [found.pred_boxes.tensor],
        "scores": [found.scores],
        "classes": [found.pred_classes],
        "class_names": [prediction.class_names],
        "category_ids": [torch.tensor([one["category_id"] for one in entries], dtype=torch.int64)],
    }
    if found.has("pred_masks"):
        lists["masks"] = [[str(one["segmentation"]["counts"]) for one in entries]]
    if found.has("pred_keypoints"):
        keypoints = found.pred_keypoints
        lists["keypoints"] = [getattr(keypoints, "tensor", keypoints)]
    columns = {"frame": torch.tensor([frame]), **lists}
    return ImageRows(
        number,
        prediction.file_name,
        image.height,
        image.width,
        1,
        columns,
        frozenset(lists),
    )


def make_error_row(number: int, file_name: str | None, error: Exception) -> ImageRows:
    """The row of an image or a video that cannot be read."""
    return ImageRows(number, file_name, error=str(error))
