"""Datasets and their metadata under names, registered from Python as in detectron2.

The catalogs belong to the process: what is registered in one is not there in the next. In data
files and experiments of the process, the reader `registered` opens a registered dataset.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

from composer.data.dataset import Dataset
from composer.data.metadata import Metadata
from composer.data.readers.coco import coco
from composer.data.readers.dataset_dicts import read_dataset_dicts
from composer.documents import Name
from composer.errors import DataError, NameResolutionError
from composer.names import did_you_mean

Source = Callable[[], Dataset | Iterable[Mapping[str, Any]]]

_KNOWN = {field.name for field in fields(Metadata)}
_OPENED = "_opened"
_LISTS = ("thing_classes", "stuff_classes", "keypoint_names")
_IDS = {
    "thing_dataset_id_to_contiguous_id": "thing_ids",
    "stuff_dataset_id_to_contiguous_id": "stuff_ids",
}


class CatalogMetadata:
    """The metadata of a registered dataset, as attributes.

    Attributes are those of `Metadata` or of detectron2, and any others. One that is set keeps its
    value: setting another is an error. What is not set is that of the dataset, once it was opened.

    Args:
        name: name of the dataset.
    """

    def __init__(self, name: str) -> None:
        self.__dict__["name"] = name
        self.__dict__[_OPENED] = None

    def __setattr__(self, key: str, value: Any) -> None:
        old = self.__dict__.get(key, value)
        if old != value:
            raise DataError(
                f"the metadata of '{self.name}' has another {key} already: {old!r:.80}, not "
                f"{value!r:.80}"
            )
        self.__dict__[key] = value

    def __getattr__(self, key: str) -> Any:
        opened = self.__dict__.get(_OPENED)
        if opened is not None and key in _KNOWN:
            return getattr(opened, key)
        if opened is not None and key in _IDS:
            return {own_id: at for at, own_id in enumerate(getattr(opened, _IDS[key]))}
        name, known = self.__dict__["name"], ", ".join(self.as_dict())
        hint = f"; `DatasetCatalog.open('{name}')` reads it" if key in _KNOWN | _IDS.keys() else ""
        raise AttributeError(f"the metadata of '{name}' has no {key}, only {known}{hint}")

    def set(self, **values: Any) -> CatalogMetadata:
        """Sets several attributes; returns the metadata."""
        for key, value in values.items():
            setattr(self, key, value)
        return self

    def get(self, key: str, default: Any = None) -> Any:
        """An attribute, or a default."""
        return getattr(self, key, default)

    def as_dict(self) -> dict[str, Any]:
        """All attributes that were set, by name."""
        return {key: value for key, value in self.__dict__.items() if key != _OPENED}

    def remember(self, metadata: Metadata) -> None:
        """Takes the metadata of the dataset for the attributes that are not set."""
        self.__dict__[_OPENED] = metadata

    def complete(self, metadata: Metadata) -> Metadata:
        """A dataset's metadata with what was set here in place of its own.

        Raises:
            DataError: a value has another form.
        """
        given = {key: _freeze(value) for key, value in self.as_dict().items() if key in _KNOWN}
        for key, known in _IDS.items():
            ids = self.__dict__.get(key)
            if known not in given and isinstance(ids, Mapping):
                given[known] = tuple(sorted(ids, key=ids.__getitem__))
        for key in (key for key in _LISTS if isinstance(given.get(key), str)):
            raise DataError(f"'{key}' of '{self.name}' is a list of names, not {given[key]!r:.80}")
        names = given.get("keypoint_names", metadata.keypoint_names)
        if (
            "keypoint_flip_pairs" not in given
            and (flips := self.__dict__.get("keypoint_flip_map")) is not None
        ):
            counts = Counter(one for pair in flips for one in pair)
            for name in (name for name, times in counts.items() if times > 1):
                message = f"the keypoint '{name}' is there {counts[name]} times"
                raise DataError(f"'keypoint_flip_map' of '{self.name}': {message}")
            given["keypoint_flip_pairs"] = self._index("keypoint_flip_map", flips, names)
            given["no_flip_pairs"] = not flips
        rules = self.__dict__.get("keypoint_connection_rules")
        if "keypoint_connections" not in given and rules is not None:
            lines = [(a, b) for a, b, *_ in rules]  # behind the names is a colour
            given["keypoint_connections"] = self._index("keypoint_connection_rules", lines, names)
        return replace(metadata, **given)

    def _index(
        self, key: str, pairs: Iterable[tuple[str, str]], names: Sequence[str]
    ) -> tuple[tuple[int, int], ...]:
        """Pairs of names of keypoints as pairs of indices."""
        places = {name: at for at, name in reversed(list(enumerate(names)))}
        pairs = list(pairs)
        for name in (name for pair in pairs for name in pair if name not in places):
            raise DataError(f"'{key}' of '{self.name}': no keypoint '{name}'")
        return tuple((places[a], places[b]) for a, b in pairs)


class _DatasetCatalog:
    """Registered datasets by name."""

    def __init__(self) -> None:
        self._sources: dict[str, Source] = {}
        self._lock = threading.Lock()

    def register(self, name: str, source: Source) -> None:
        """Registers a dataset.

        Args:
            name: a name that is not taken.
            source: returns the dataset, or detectron2's list of dicts; called at each opening.

        Raises:
            DataError: the name is taken, or `source` cannot be called.
        """
        if not callable(source):
            raise DataError(f"dataset '{name}': a function returns it, not {type(source).__name__}")
        with self._lock:
            if name in self._sources:
                raise DataError(f"a dataset '{name}' is registered already; `remove` it first")
            self._sources[name] = source

    def open(self, name: str) -> Dataset:
        """The dataset of a name, with what `MetadataCatalog` has of it.

        Raises:
            NameResolutionError: no dataset is registered under this name.
            DataError: it cannot be read.
        """
        source = self._sources.get(name)
        if source is None:
            hint = did_you_mean(name, self._sources, "registered datasets")
            raise NameResolutionError(f"no dataset '{name}' is registered. {hint}")
        found, given = source(), MetadataCatalog.get(name)
        if isinstance(found, Dataset):
            dataset = replace(found, name=name, metadata=given.complete(found.metadata))
        else:
            dataset = read_dataset_dicts(name, found, given.complete(Metadata()))
        given.remember(dataset.metadata)
        return dataset

    def get(self, name: str) -> list[dict[str, Any]]:
        """The images of a dataset as detectron2's dicts."""
        return [record.as_dict() for record in self.open(name)]

    def list(self) -> list[str]:
        """The names of all registered datasets."""
        return sorted(self._sources)

    def remove(self, name: str) -> None:
        """Forgets a dataset, and its metadata."""
        self._sources.pop(name, None)
        MetadataCatalog.remove(name)

    def __contains__(self, name: object) -> bool:
        return name in self._sources

    def __iter__(self) -> Iterator[str]:
        return iter(self.list())

    def __len__(self) -> int:
        return len(self._sources)


class _MetadataCatalog:
    """Metadata of registered datasets by name."""

    def __init__(self) -> None:
        self._found: dict[str, CatalogMetadata] = {}
        self._lock = threading.Lock()

    def get(self, name: str) -> CatalogMetadata:
        """The metadata of a name, new and empty at first."""
        with self._lock:
            return self._found.setdefault(name, CatalogMetadata(name))

    def list(self) -> list[str]:
        """The names that have metadata."""
        return sorted(self._found)

    def remove(self, name: str) -> None:
        """Forgets the metadata of a name."""
        self._found.pop(name, None)


DatasetCatalog = _DatasetCatalog()
MetadataCatalog = _MetadataCatalog()


def register_coco_instances(
    name: str, metadata: Mapping[str, Any], json_file: str | Path, image_root: str | Path
) -> None:
    """Registers annotations in COCO's format.

    Args:
        name: a name that is not taken.
        metadata: what `MetadataCatalog.get(name)` is to have besides names and ids of classes.
        json_file: the annotations.
        image_root: the folder of the images.

    Raises:
        DataError: the name is taken.
    """
    file, folder = Path(json_file), Path(image_root)
    DatasetCatalog.register(name, lambda: coco(annotations=file, images=folder))
    MetadataCatalog.get(name).set(
        json_file=str(file), image_root=str(folder), evaluator_type="coco", **metadata
    )


def registered(*, name: Name) -> Dataset:
    """Opens a dataset that this process has registered in Python.

    Args:
        name: name of the dataset in `DatasetCatalog`.

    Raises:
        NameResolutionError: no dataset is registered under this name.
        DataError: it cannot be read.
    """
    return DatasetCatalog.open(name)


def _freeze(value: Any) -> Any:
    return tuple(_freeze(item) for item in value) if isinstance(value, (list, tuple)) else value
