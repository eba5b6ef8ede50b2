"""Panoptic predictions as files, as servers of COCO's kind take them."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from composer.data import Dataset, write_segment_ids
from composer.evaluation.detections import check_pairs
from composer.evaluation.gathering import gather_parts
from composer.evaluation.image_index import ImageIndex, find_image_size
from composer.evaluation.panoptic_evaluator import read_panoptic_output
from composer.evaluation.results import Results
from composer.files import write_json
from composer.visualization import FileNames


class PanopticWriter:
    """Writes a picture for each image, and one JSON document with the segments of all of them.

    It stands among evaluators: it is given what they are, and has no metrics. The ids of categories
    are the dataset's own; the colour of a pixel is the id of its segment (red, then green, then
    blue, each counting 256 of the one before).

    Args:
        dataset: the dataset.
        folder: gets `panoptic/`, the pictures, and `panoptic.json`.
    """

    def __init__(self, dataset: Dataset, folder: str | os.PathLike[str]) -> None:
        self.dataset = dataset
        self._index = ImageIndex(dataset)
        self._folder = Path(folder)
        self._entries: dict[int, dict[str, Any]] = {}
        # Told apart before any is written, so that all processes agree.
        names = FileNames()
        self._names = [names.choose(record.file_name.stem, ".png") for record in dataset]

    def process(
        self, inputs: Sequence[Mapping[str, Any]], outputs: Sequence[Mapping[str, Any]]
    ) -> None:
        """Writes the pictures of a batch.

        Raises:
            InputError: an output has no `panoptic_seg`, or one of another size than the image.
        """
        check_pairs(inputs, outputs)
        pictures = self._folder / "panoptic"
        pictures.mkdir(parents=True, exist_ok=True)
        for record, output in zip(inputs, outputs, strict=True):
            place = self._index.find(record)
            known = self.dataset.records[place]
            ids, segments = read_panoptic_output(output, find_image_size(known))
            name = self._names[place]
            listed = np.where(np.isin(ids, [info["id"] for info in segments]), ids, 0)
            write_segment_ids(pictures / name, listed)
            self._entries[place] = {
                "image_id": known.image_id,
                "file_name": name,
                "segments_info": [self._describe(info) for info in segments],
            }

    def gather(self) -> None:
        """Brings together, on the first process, what all processes wrote."""
        for entries in gather_parts(self._entries):
            self._entries.update(entries)

    def results(self) -> Results:
        """Writes the JSON document. There are no metrics."""
        annotations = [self._entries[at] for at in self._index.order() if at in self._entries]
        write_json(self._folder / "panoptic.json", {"annotations": annotations})
        return Results({}, 0)

    def _describe(self, info: Mapping[str, Any]) -> dict[str, int]:
        metadata = self.dataset.metadata
        ids = metadata.thing_ids if info["isthing"] else metadata.stuff_ids
        return {"id": int(info["id"]), "category_id": ids[int(info["category_id"])]}
