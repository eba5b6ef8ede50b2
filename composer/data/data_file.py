"""Data files: datasets by name, in YAML."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal

from pydantic import (
    AfterValidator,
    Field,
    ValidationInfo,
    field_validator,
    model_validator,
)
from typing_extensions import Self

from composer.data.dataset import Dataset, concatenate_datasets, require_datasets
from composer.data.faults import Fault, FaultPolicy, apply_policy
from composer.data.formats.coco_format import choose_coco_reader
from composer.data.formats.data_path import peek_json, peek_text
from composer.data.formats.recognising import PLAIN, recognise
from composer.data.formats.recognition import Recognition
from composer.data.json_file import add_proposals
from composer.data.plugin_call import PluginCall
from composer.data.readers.image_finder import require_images
from composer.data.readers.yolo_layout import is_data_yaml, load_yaml
from composer.data.records import ImageId
from composer.discovery import DISTRIBUTION
from composer.documents import (
    FOLDER,
    DocumentPart,
    DocumentSource,
    Name,
    SettingsSource,
    find_beside,
    read_document,
)
from composer.errors import ComposerError, DataError
from composer.escapes import describe_error
from composer.images import find_in_folder
from composer.node import call_model
from composer.ranges import Finite
from composer.registry import DATASET_GROUP, Registry, short_name

DATASETS_PREFIX = "datasets."  # of the addresses of a data file's params

_HEAD = re.compile(r"^composer_data\s*:", re.MULTILINE)
_NAME = re.compile(r"\w[\w.-]*")


def _check_name(name: str) -> str:
    if not _NAME.fullmatch(name) or not name.strip("."):  # it names a folder of results
        raise ValueError("a dataset's name has letters, digits, '_', '-' and '.' only")
    return name


DatasetName = Annotated[str, AfterValidator(_check_name)]


class Selection(DocumentPart):
    """Some of the images of a dataset."""

    folds: list[int] | None = Field(None, description="Parts to use, counted from 0.", min_length=1)
    of: int | None = Field(None, ge=1, description="How many equal parts there are.")
    images: list[ImageId] | None = Field(None, description="Ids of the images to use.")
    first: int | None = Field(None, ge=1, description="How many images to use, in order.")

    @model_validator(mode="after")
    def _check_folds(self) -> Self:
        if (self.folds is None) != (self.of is None):
            raise ValueError("'folds' and 'of' go together: {folds: [0, 1], of: 5}")
        for fold in self.folds or ():
            if not 0 <= fold < (self.of or 0):
                last = (self.of or 0) - 1
                raise ValueError(f"folds are counted from 0 to {last}; {fold} is none")
        return self

    def select_from(self, dataset: Dataset) -> Dataset:
        """The images of a dataset that are meant.

        Raises:
            DataError: an id is not there.
        """
        if self.images is not None:
            dataset = dataset.select_images(self.images)
        if self.folds is not None and self.of is not None:
            dataset = dataset.select_folds(self.folds, self.of)
        return replace(dataset, records=dataset.records[: self.first])


class DatasetDocument(PluginCall):
    """A dataset: its reader, and the selection of its images."""

    group: ClassVar[str] = DATASET_GROUP

    categories: list[Name] | dict[str, list[Name]] | None = Field(
        None,
        description="Classes to use, in order; or new names, and the classes that become them.",
    )
    only_annotated: bool = Field(False, description="Leave out images without an object.")
    min_keypoints: int = Field(
        0, ge=0, description="Leave out images with fewer labelled keypoints than this."
    )
    select: Selection = Field(Selection(), description="Some of the images.")
    on_fault: FaultPolicy = Field(
        "skip", description="Whether bad images and annotations are left out, or refused."
    )
    sample_range: list[Finite] | None = Field(
        None,
        min_length=2,
        max_length=2,
        description="Samples that are black and white in images of more than 8 bits; by default "
        "what the files say.",
    )
    proposals: str | None = Field(
        None, description="File of proposals in COCO's results format, which Fast R-CNN takes."
    )

    @field_validator("sample_range", mode="after")
    @classmethod
    def _check_range(cls, span: list[float] | None) -> list[float] | None:
        if span is not None and span[0] >= span[1]:
            raise ValueError("the sample that is black comes first, and is the smaller one")
        return span

    @field_validator("proposals", mode="after")
    @classmethod
    def _find(cls, file: str | None, info: ValidationInfo) -> str | None:
        folder = (info.context or {}).get(FOLDER, Path())
        return None if file is None else str(find_beside(file, folder).resolve())

    def open(self, name: str) -> Dataset:
        """Reads the dataset and selects from it; faults are reported or refused.

        Args:
            name: what it is called.

        Raises:
            DataError: it cannot be read, is refused, or has not what is selected.
        """
        return open_each({name: self})[name]

    def select_from(self, dataset: Dataset) -> Dataset:
        """What is used of the whole dataset.

        Raises:
            DataError: it has not what is selected, or nothing is left of it.
        """
        dataset = self.select.select_from(dataset)
        if self.categories is not None:
            dataset = dataset.select_categories(self.categories)
        if self.only_annotated:
            dataset = dataset.only_annotated()
        if self.min_keypoints:
            dataset = dataset.with_keypoints(self.min_keypoints)
        if not dataset.records:
            message = f"dataset '{dataset.name}' has no images, or none is left of those it has"
            raise DataError(message)
        return dataset

    def read(self, name: str) -> Dataset:
        """Reads all of the dataset, whatever faults it has.

        Args:
            name: what it is called.

        Raises:
            DataError: it cannot be read.
        """
        try:
            found = self.make()
        except ComposerError as error:
            raise DataError(f"dataset '{name}': {error}") from error
        except Exception as error:
            reason = describe_error(error)
            raise DataError(f"dataset '{name}': reader {self.label} failed: {reason}") from error
        if not isinstance(found, Dataset):
            kind = type(found).__name__
            raise DataError(f"dataset '{name}': its reader gives {kind}, not a Dataset")
        found = replace(found, name=name)
        if self.sample_range is not None:
            span = self.sample_range[0], self.sample_range[1]
            records = tuple(replace(record, sample_range=span) for record in found)
            found = replace(found, records=records)
        return found if self.proposals is None else add_proposals(found, Path(self.proposals))


class DataFile(DocumentPart):
    """Datasets by name."""

    composer_data: Literal[1] = Field(description="Version of the language of data files.")
    doc: str | None = Field(None, description="What the datasets are, and their rights.")
    datasets: dict[DatasetName, DatasetDocument] = Field(description="The datasets by name.")


def read_data_file(source: DocumentSource, *, set: SettingsSource = ()) -> DataFile:
    """Reads a data file. No dataset is opened.

    Args:
        source: a YAML file, or the values themselves.
        set: values for params and addresses (`datasets.train.annotations`, or a unique end of it):
            by address, or as texts `address=value` with the value in YAML.

    Raises:
        SpecError: with all problems at once, each with its place.
    """
    return read_document(source, DataFile, set=set, prefix=DATASETS_PREFIX)


def find_data(
    data: str | os.PathLike[str],
    images: str | os.PathLike[str] | None = None,
    format: str | None = None,  # noqa: A002 - the name of the option
) -> DocumentSource:
    """The data file of a path: one that is written, or one for what is recognised there.

    Args:
        data: a data file, or a folder with one; or a folder or file of annotations in any format.
        images: the folder of images of annotations, where they are not found by themselves.
        format: name of the format, where it could be several.

    Raises:
        InputError: there is no such file or folder.
        DataError: no format is recognised, or several are; or a data file has images.
    """
    written = None if format is not None else find_data_file(data)
    if written is not None:
        if images is not None:
            raise DataError(f"{written}: a data file names the folders of its images itself")
        return written
    return write_document(recognise_data(data, images, format), data)


def find_data_file(data: str | os.PathLike[str]) -> Path | None:
    """The data file at a path: the file itself, or the only one in a folder; None if it is none."""
    path = Path(data)
    if path.is_dir():
        files = find_in_folder(path, ".yaml", ".yml")
        found = [file for file in files if _HEAD.search("\n".join(peek_text(file)))]
        return found[0] if len(found) == 1 else None
    is_yaml = path.suffix.lower() in (".yaml", ".yml")
    return path if is_yaml and not is_data_yaml(_peek_yaml(path)) else None


def recognise_data(
    data: str | os.PathLike[str],
    images: str | os.PathLike[str] | None = None,
    format: str | None = None,  # noqa: A002 - the name of the option
) -> Recognition:
    """The format of annotations or a folder of images, with the images that are named.

    Args:
        data: the folder or file.
        images: the folder of images, where it is not found by itself.
        format: name of the format, where it could be several.

    Raises:
        InputError: there is no such file or folder, or no image in the folder of images.
        DataError: no format is recognised, or several are; or the images are not found, or are
            where the format says and nowhere else.
    """
    path = Path(data)
    if images is None:
        found = recognise(path, format)
    else:
        folder = require_images(images)
        chosen = format or _find_coco_format(path)
        found = _with_images(recognise(path, chosen, folder), folder, path)
    if not found.datasets:
        notes = "; ".join(found.notes) or "there is nothing to read"
        raise DataError(f"{path}: {found.title}, but {notes}")
    return found


def _find_coco_format(path: Path) -> str | None:
    """The format of ours for a document of COCO's, which no other one is asked for."""
    if path.suffix != ".json" or not path.is_file():
        return None
    reader = choose_coco_reader(path, peek_json(path))
    return None if reader is None else f"{DISTRIBUTION}/{reader}"


def _with_images(found: Recognition, folder: Path, data: Path) -> Recognition:
    """What was recognised, with its images in a folder that the user names.

    Raises:
        DataError: the format has its own place for the images.
    """
    if short_name(found.reader) == PLAIN:
        raise DataError(
            f"{data}: no annotations are recognised in it, and --images names the images of some"
        )
    registry = Registry.installed(DATASET_GROUP)
    reader = registry.load_found(registry.find(found.reader))
    fields = call_model(reader, f"a {registry.what}").model_fields
    if "images" not in {field.alias or name for name, field in fields.items()}:
        raise DataError(
            f"{data}: the format, {found.title}, says itself where the images are; leave out "
            "--images"
        )
    datasets = {}
    for name, configuration in found.datasets.items():
        own = configuration.get("images")
        is_inside = isinstance(own, Path) and own.resolve().is_relative_to(folder.resolve())
        datasets[name] = configuration if is_inside else {**configuration, "images": folder}
    return replace(found, datasets=datasets)


def write_document(found: Recognition, data: str | os.PathLike[str]) -> dict[str, Any]:
    """The values of a data file that reads what was recognised at a path."""
    reader = Registry.installed(DATASET_GROUP).find(found.reader).qualified
    datasets = {
        split or _to_name(Path(data)): {"uses": reader, "with": _with_absolute(configuration)}
        for split, configuration in found.datasets.items()
    }
    return {"composer_data": 1, "datasets": datasets}


def _with_absolute(configuration: Mapping[str, Any]) -> dict[str, Any]:
    """A configuration as documents hold it, with absolute paths."""
    return {
        name: str(value.resolve()) if isinstance(value, Path) else value
        for name, value in configuration.items()
    }


def _peek_yaml(path: Path) -> Any:
    try:
        return load_yaml(path)
    except DataError:
        return None  # the reader of data files reports it with its place


def open_each(datasets: Mapping[str, DatasetDocument]) -> dict[str, Dataset]:
    """Opens datasets; faults are reported or refused, those that several share once.

    Args:
        datasets: the datasets by name.

    Raises:
        DataError: one cannot be opened.
    """
    whole = {name: document.read(name) for name, document in datasets.items()}
    sharing: dict[tuple[tuple[Fault, ...], FaultPolicy], list[str]] = {}
    for name, document in datasets.items():
        sharing.setdefault((whole[name].faults, document.on_fault), []).append(name)
    for (faults, policy), names in sharing.items():
        apply_policy(names, faults, policy)
    return {name: document.select_from(whole[name]) for name, document in datasets.items()}


def open_datasets(datasets: Mapping[str, DatasetDocument], names: Sequence[str] = ()) -> Dataset:
    """Opens datasets and joins them.

    Args:
        datasets: the datasets that there are, by name.
        names: which to open, in order; all of them if none is named.

    Raises:
        NameResolutionError: there is no dataset of a name.
        DataError: one cannot be opened, or their classes differ.
    """
    require_datasets(names, datasets)
    opened = list(open_each({name: datasets[name] for name in names or datasets}).values())
    return opened[0] if len(opened) == 1 else concatenate_datasets(opened)


def _to_name(path: Path) -> str:
    """A name for a dataset that has none."""
    stem = path.resolve().stem
    return re.sub(r"[^\w.-]+", "_", stem).lstrip(".-") or "images"
