"""Panoptic predictions as files in COCO's format."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from composer.data import Dataset, write_segment_ids
from composer.evaluation.evaluator import ImageEvaluator
from composer.evaluation.image_index import find_image_size
from composer.evaluation.panoptic_evaluator import read_panoptic_output
from composer.evaluation.results import Results
from composer.files import make_subfolder, write_json
from composer.visualization import FileNames


class PanopticWriter(ImageEvaluator[dict[str, Any]]):
    """Writes a PNG file for each image, and one JSON document with the segments of all of them.

    It is an evaluator without metrics. The ids of categories are the dataset's own; the colour of
    a pixel is the id of its segment (red + 256 green + 65536 blue).

    Args:
        dataset: the dataset.
        folder: folder of `panoptic/`, the PNG files, and `panoptic.json`.
    """

    def __init__(self, dataset: Dataset, folder: str | os.PathLike[str]) -> None:
        super().__init__(dataset)
        self._folder = Path(folder)
        # Chosen before any is written, so that all processes agree.
        names = FileNames()
        self._names = [names.choose(record.file_name.stem, ".png") for record in dataset]

    def _compare(self, place: int, output: Mapping[str, Any]) -> dict[str, Any]:
        """Writes the label image of an image, and describes its segments."""
        record, name = self.dataset.records[place], self._names[place]
        ids, segments = read_panoptic_output(output, find_image_size(record))
        listed = np.where(np.isin(ids, [info["id"] for info in segments]), ids, 0)
        folder = make_subfolder(self._folder, "panoptic")
        write_segment_ids(folder / name, listed)
        return {
            "image_id": record.image_id,
            "file_name": name,
            "segments_info": [self._describe(info) for info in segments],
        }

    def results(self) -> Results:
        """Writes the JSON document. There are no metrics."""
        annotations = [self._compared[at] for at in self._index.order() if at in self._compared]
        write_json(self._folder / "panoptic.json", {"annotations": annotations}, follow_links=False)
        return Results({}, 0)

    def _describe(self, info: Mapping[str, Any]) -> dict[str, int]:
        metadata = self.dataset.metadata
        ids = metadata.thing_ids if info["isthing"] else metadata.stuff_ids
        return {"id": int(info["id"]), "category_id": ids[int(info["category_id"])]}
