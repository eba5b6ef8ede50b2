"""JSON files of annotations, results and proposals.

Results are a list of entries (https://cocodataset.org/#format-results). Proposals are results of
which only `image_id`, `bbox` and `score` count, so what any detector finds can serve as proposals.
Legend: P proposals.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from jaxtyping import Float

from composer.data.dataset import Dataset
from composer.data.faults import BadPart, FaultLog
from composer.data.json_values import (
    are_numbers,
    describe_missing_id,
    show_value,
    to_id,
    to_number,
)
from composer.data.records import ImageId, Proposals
from composer.errors import DataError, InputError
from composer.text_files import TextFileError, read_text_file


def load_json(file: Path, log: FaultLog | None = None) -> Any:
    """Reads a JSON document of any form.

    Args:
        file: where it is.
        log: takes keys that occur twice in a mapping with different values; the last value counts.

    Raises:
        DataError: there is no such file, it is not JSON, or a key has two values and there is no
            log to report it to.
    """
    try:
        document, twins = parse_json(read_text_file(file))
    except OSError as error:
        raise DataError(f"{file}: cannot be read: {error.strerror}") from None
    except TextFileError as error:
        raise DataError(f"{file}: {error}") from None
    except (ValueError, RecursionError) as error:
        lines = " (a document a line is none; a list has '[' before and ',' between its entries)"
        hint = lines if str(error).startswith("Extra data: line 2 ") else ""
        raise DataError(f"{file}: not JSON: {error}{hint}") from None
    for message in twins:
        if log is None:
            raise DataError(f"{file}: {message}")
        log.add("malformed", f"{message}; the last counts", entry=file.name)
    return document


def parse_json(text: str) -> tuple[Any, list[str]]:
    """A JSON document, and a message for each key that has several values in a mapping.

    Raises:
        ValueError: it is not JSON.
        RecursionError: it is nested too deeply.
    """
    twins: list[str] = []

    def make_mapping(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        found = dict(pairs)
        if len(found) != len(pairs):
            twins.extend(_describe_twins(pairs, found))
        return found

    return json.loads(text, object_pairs_hook=make_mapping), twins


def _describe_twins(pairs: Sequence[tuple[str, Any]], found: Mapping[str, Any]) -> Iterator[str]:
    own = f" with the id {show_value(found['id'])}" if "id" in found else ""
    for key in dict.fromkeys(key for key, value in pairs if value != found[key]):
        yield f"the key {show_value(key)} has several values in a mapping{own}"


def read_json(file: Path, keys: Sequence[str], log: FaultLog | None = None) -> Mapping[str, Any]:
    """Reads a JSON document that is a mapping with lists under some keys.

    Args:
        file: where it is.
        keys: what must be there.
        log: takes keys that occur twice, as in `load_json`.

    Raises:
        DataError: there is no such file, it is not JSON, or a key is missing.
    """
    document = load_json(file, log)
    if not isinstance(document, Mapping):
        raise DataError(f"{file}: expected a mapping with the keys {', '.join(keys)}")
    for key in keys:
        if not isinstance(document.get(key), list):
            found = ", ".join(sorted(map(str, document))[:12])
            raise DataError(f"{file}: there is no list '{key}'; the keys are: {found}")
    return document


T = TypeVar("T")


def read_entries(file: Path, read: Callable[[Mapping[str, Any]], T], wanted: str) -> list[T]:
    """What is made of every entry of a file.

    Args:
        file: the file.
        read: makes something of an entry. Where it fails, the entry is malformed.
        wanted: what an entry has to have, in words.

    Raises:
        DataError: the file cannot be read or is no list, or an entry is malformed.
    """
    entries = load_json(file)
    if not isinstance(entries, list):
        raise DataError(
            f"{file}: expected a list of entries in COCO's results format, not a "
            f"{type(entries).__name__}"
        )
    found, faults = [], list[tuple[int, Exception]]()
    for at, entry in enumerate(entries):
        try:
            found.append(read(entry))
        except (InputError, BadPart, KeyError, TypeError, ValueError, IndexError) as error:
            faults.append((at, error))
    if faults:
        first, reason = faults[0]
        message = f"{file}: entry {first}{_describe(reason, entries[first], wanted)}"
        raise DataError(message + _count_others([at for at, _ in faults])) from reason
    return found


def _describe(error: Exception, entry: object, wanted: str) -> str:
    """What is wrong with an entry, and what would be right."""
    if isinstance(error, BadPart) and error.kind == "malformed":
        return f" is malformed: {error}"
    if isinstance(error, (InputError, BadPart)):
        return f": {error}"
    missing = isinstance(error, KeyError) and isinstance(entry, Mapping)
    reason = error if isinstance(entry, Mapping) else "it is no mapping"
    fault = f"has no {error}" if missing else f"is malformed: {reason}"
    return f" {fault}. It needs {wanted}: {entry!r:.80}"


def _count_others(places: Sequence[int]) -> str:
    """How many entries besides the first cannot be used, and which."""
    others = places[1:]
    if not others:
        return ""
    named = ", ".join(map(str, others[:_MAX_NAMED])) + (", ..." if len(others) > _MAX_NAMED else "")
    return f"\n{len(others)} more of its entries cannot be used: {named}"


_MAX_NAMED = 5

_WANTED = "an 'image_id', a 'bbox' of four numbers (x, y, width, height) and a 'score'"


def add_proposals(dataset: Dataset, file: Path) -> Dataset:
    """The dataset with proposals for its images; an image that the file does not name has none.

    Args:
        dataset: the images.
        file: the proposals of these images, and perhaps of others.

    Raises:
        DataError: the file cannot be read, is malformed, or has proposals for none of the images.
    """
    rows: dict[ImageId, list[list[float]]] = {}
    for image_id, row in read_entries(file, _read_entry, _WANTED):
        rows.setdefault(image_id, []).append(row)
    known = {record.image_id: record for record in dataset}
    if not rows.keys() & known.keys():
        hint = next(filter(None, (describe_missing_id(one, known) for one in rows)), "")
        message = f"{file}: it has proposals for none of the images of '{dataset.name}'. {hint}"
        raise DataError(message.removesuffix(". "))
    records = tuple(
        replace(record, proposals=_sort(rows.get(record.image_id, []))) for record in dataset
    )
    return replace(dataset, records=records)


def _read_entry(entry: Mapping[str, Any]) -> tuple[ImageId, list[float]]:
    """The image's id, and x0, y0, x1, y1 and the score."""
    image_id = to_id(entry["image_id"], "image_id")
    bbox, score = entry["bbox"], to_number(entry["score"], "score")
    if not are_numbers(bbox) or len(bbox) != 4 or min(bbox[2:]) < 0:
        message = f"'bbox' is four numbers x, y, width, height, not {show_value(bbox)}"
        raise BadPart("malformed", message)
    x, y, width, height = map(float, bbox)
    row = [x, y, x + width, y + height, score]
    if max(map(abs, row)) > _LARGEST:
        raise BadPart("malformed", f"the proposal has numbers beyond {_LARGEST:g}: {row}")
    return image_id, row


_LARGEST = 1e30  # of single precision, which proposals are kept in


def _sort(rows: list[list[float]]) -> Proposals:
    """The proposals of one image, the surest first."""
    table: Float[np.ndarray, "P 5"] = np.array(rows, dtype=np.float32).reshape(-1, 5)
    table = table[np.argsort(-table[:, 4], kind="stable")]
    return Proposals(table[:, :4], table[:, 4])
