"""A model and what is made of images with it, opened in any process: here, or on other machines."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from composer.cli.inference_options import InferenceWay
from composer.files import is_there

if TYPE_CHECKING:
    from composer.sharded_jobs import RowSource


@dataclass(frozen=True)
class RowModel:
    """Opens what makes rows of images; it can be pickled.

    Args:
        predictor: the arguments of the predictor.
        way: how inference runs.
        values: the arguments of an extractor; None for predictions.
    """

    predictor: Mapping[str, Any]
    way: InferenceWay
    values: Mapping[str, Any] | None = None

    def open_source(self) -> RowSource:
        """Opens the model.

        Raises:
            ComposerError: it cannot be opened, or a value has no such rows.
        """
        from composer.extraction import Extractor
        from composer.prediction import PredictionRows, Predictor

        predictor = Predictor(**self.predictor)
        values = None if self.values is None else {**self.values, "names": predictor.names}
        if values is not None:
            Extractor(predictor.graph, **values)  # a mistake is found before anything is compiled
        predictor.graph = self.way.apply(predictor.graph)
        if values is None:
            return PredictionRows(predictor)
        return Extractor(predictor.graph, **values)

    def with_absolute_paths(self) -> RowModel:
        """The same for processes in other folders."""
        given = dict(self.predictor)
        given["model"] = _make_absolute(given["model"])
        if given.get("weights"):
            given["weights"] = {key: _make_absolute(one) for key, one in given["weights"].items()}
        calibrate = self.way.calibrate
        way = self.way._replace(calibrate=None if calibrate is None else _make_absolute(calibrate))
        return replace(self, predictor=given, way=way)


def _make_absolute(path: str) -> str:
    return os.path.abspath(path) if is_there(path) else path
