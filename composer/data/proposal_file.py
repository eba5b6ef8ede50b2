"""Files of proposals, in the format of results.

Each entry has an `image_id`, a `bbox` and a `score`; what else it has, such as a class, does not
count. So what any detector finds can serve as proposals. Legend: P proposals.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float

from composer.data.dataset import Dataset
from composer.data.records import Proposals
from composer.data.results_file import read_entries
from composer.errors import DataError

_WANTED = "an 'image_id', a 'bbox' of four numbers (x, y, width, height) and a 'score'"


def add_proposals(dataset: Dataset, file: Path) -> Dataset:
    """The dataset with proposals for its images; an image that the file does not name has none.

    Args:
        dataset: the images.
        file: the proposals of these images, and perhaps of others.

    Raises:
        DataError: the file cannot be read, is malformed, or has proposals for none of the images.
    """
    rows: dict[str, list[list[float]]] = {}
    for image_id, row in read_entries(file, _read_entry, _WANTED):
        rows.setdefault(image_id, []).append(row)
    if not any(str(record.image_id) in rows for record in dataset):
        raise DataError(f"{file}: it has proposals for none of the images of '{dataset.name}'")
    records = tuple(
        replace(record, proposals=_sort(rows.get(str(record.image_id), []))) for record in dataset
    )
    return replace(dataset, records=records)


def _read_entry(entry: Mapping[str, Any]) -> tuple[str, list[float]]:
    """The image's id, and x0, y0, x1, y1 and the score."""
    image_id = str(entry["image_id"])
    x, y, width, height = map(float, entry["bbox"])
    row = [x, y, x + width, y + height, float(entry["score"])]
    if not np.isfinite(row).all():
        raise ValueError("it is not finite")
    return image_id, row


def _sort(rows: list[list[float]]) -> Proposals:
    """The proposals of one image, the surest first."""
    table: Float[np.ndarray, "P 5"] = np.array(rows, dtype=np.float32).reshape(-1, 5)
    table = table[np.argsort(-table[:, 4], kind="stable")]
    return Proposals(table[:, :4], table[:, 4])
