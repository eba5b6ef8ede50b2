"""Files of proposals: COCO's results format (https://cocodataset.org/#format-results).

Each entry has an `image_id`, a `bbox` and a `score`; what else it has, such as a class, does not
count. So what any detector finds can serve as proposals. Legend: P proposals.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float

from composer.data.dataset import Dataset
from composer.data.records import Proposals
from composer.errors import DataError


def add_proposals(dataset: Dataset, file: Path) -> Dataset:
    """The dataset with proposals for its images; an image that the file does not name has none.

    Args:
        dataset: the images.
        file: the proposals of these images, and perhaps of others.

    Raises:
        DataError: the file cannot be read, is malformed, or has proposals for none of the images.
    """
    rows: dict[str, list[list[float]]] = {}
    for number, entry in enumerate(_read_entries(file)):
        try:
            rows.setdefault(str(entry["image_id"]), []).append(_read_row(entry))
        except (KeyError, TypeError, ValueError):
            raise DataError(
                f"{file}: entry {number} wants an 'image_id', a 'bbox' of four numbers (x, y, "
                f"width, height) and a 'score': {entry!r:.80}"
            ) from None
    if not any(str(record.image_id) in rows for record in dataset):
        raise DataError(f"{file}: it has proposals for none of the images of '{dataset.name}'")
    records = tuple(
        replace(record, proposals=_sort(rows.get(str(record.image_id), []))) for record in dataset
    )
    return replace(dataset, records=records)


def _read_entries(file: Path) -> list[Any]:
    try:
        entries = json.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise DataError(f"{file}: the proposals cannot be read: {error.strerror}") from None
    except (ValueError, RecursionError) as error:
        raise DataError(f"{file}: not JSON: {error}") from None
    if not isinstance(entries, list):
        raise DataError(
            f"{file}: proposals are a list of entries in COCO's results format, not a "
            f"{type(entries).__name__}"
        )
    return entries


def _read_row(entry: Mapping[str, Any]) -> list[float]:
    """x0, y0, x1, y1 and the score."""
    x, y, width, height = map(float, entry["bbox"])
    row = [x, y, x + width, y + height, float(entry["score"])]
    if not np.isfinite(row).all():
        raise ValueError("it is not finite")
    return row


def _sort(rows: list[list[float]]) -> Proposals:
    """The proposals of one image, the surest first."""
    table: Float[np.ndarray, "P 5"] = np.array(rows, dtype=np.float32).reshape(-1, 5)
    table = table[np.argsort(-table[:, 4], kind="stable")]
    return Proposals(table[:, :4], table[:, 4])
