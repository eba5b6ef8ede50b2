"""Asks every installed format whether a path is of it."""

from __future__ import annotations

import logging
import os
from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from composer.data.formats.data_path import DataPath, explain_json, open_path
from composer.data.formats.recognition import Recognition
from composer.data.formats.table_format import describe_other_table
from composer.data.formats.unread_formats import describe_conversions
from composer.discovery import surviving_exits
from composer.errors import ComposerError, DataError, PluginError
from composer.escapes import describe_error
from composer.registry import DATASET_GROUP, FORMAT_GROUP, Found, Registry, short_name

PLAIN = "image_folder"  # the reader of images without annotations, which is the last resort
_MAX_NAMED = 8
_PARTS = ("annotations", "annotation", "labels", "images", "jpegimages", "imagesets")  # folders
_log = logging.getLogger("composer.data")


def recognise(
    path: str | os.PathLike[str],
    format: str | None = None,  # noqa: A002
    images: Path | None = None,
) -> Recognition:
    """The format of a folder or file.

    Args:
        path: the folder or file.
        format: name of the format, where it could be several.
        images: the folder of the images, where it is not found by itself.

    Raises:
        InputError: there is no such file or folder.
        DataError: it is of no format that is installed, of several, or not of the named one.
    """
    opened = open_path(path, images)
    found, failed = _ask_all(opened, format)
    annotated = {name: one for name, one in found.items() if short_name(one.reader) != PLAIN}
    if failed and not annotated:  # a description that is broken is no folder of plain images
        raise failed[0]
    is_whole = annotated and (opened.images or images is not None)
    above = "" if is_whole else _describe_above(opened)
    if above and not opened.images:
        raise DataError(f"{path}: there is no image in it, but {above}")
    if above and found:
        return replace(next(iter(found.values())), notes=(above,))
    if not found:
        raise DataError(_describe_unknown(opened, format))
    ours = [name for name in annotated if Registry.installed(FORMAT_GROUP).is_ours(name)]
    if len(annotated) > 1 and len(ours) == 1:
        others = ", ".join(name for name in annotated if name not in ours)
        _log.warning("note: %s: it is read as %s; --format takes %s, too", path, ours[0], others)
        return annotated[ours[0]]
    if len(annotated) > 1:
        candidates = "".join(f"\n  {name}: {one.describe()}" for name, one in annotated.items())
        raise DataError(f"{path}: it can be read in several formats (--format):{candidates}")
    return next(iter((annotated or found).values()))


def find_recognitions(path: DataPath, format: str | None = None) -> dict[str, Recognition]:  # noqa: A002
    """What a path can be, by the name of the format; a format that fails is logged.

    Args:
        path: the folder or file.
        format: the name of the only format to be asked.

    Raises:
        NameResolutionError: there is no format of the name.
    """
    return _ask_all(path, format)[0]


def _ask_all(
    path: DataPath,
    format: str | None,  # noqa: A002
) -> tuple[dict[str, Recognition], list[DataError]]:
    """What a path can be, and why formats of ours that know it cannot read it."""
    registry = Registry.installed(FORMAT_GROUP)
    named = registry.list_all() if format is None else {format: registry.find(format)}
    for note in (meant.note for meant in named.values() if meant.note):
        _log.warning("note: %s", note)
    found: dict[str, Recognition] = {}
    failed: list[DataError] = []
    for name, meant in named.items():
        try:
            one = _ask(registry, meant, path)
        except Exception as error:  # one plugin must not hide the formats of the others
            if format is not None and isinstance(error, ComposerError):
                raise
            if isinstance(error, DataError) and registry.is_ours(name):
                failed.append(error)
            else:
                _log.warning("note: %s", _describe_failure(meant, path, error))
            continue
        if one is not None:
            found[name] = one
    return found, failed


def _describe_failure(meant: Found, path: DataPath, error: Exception) -> str:
    if isinstance(error, PluginError):
        return f"a format is left out: {error}"
    return f"format {meant.label} failed at {path.path}: {describe_error(error, with_kind=False)}"


def _ask(registry: Registry, meant: Found, path: DataPath) -> Recognition | None:
    ask = registry.load_found(meant)
    with surviving_exits():
        found = ask(path) if callable(ask) else None
    if found is None:
        return None
    if not isinstance(found, Recognition):
        raise DataError(f"it returns {type(found).__name__}, not a Recognition")
    home = None if meant.publication is None else meant.publication.distribution
    readers = Registry.installed(DATASET_GROUP)
    reader = readers.find(found.reader, home)
    is_meant = reader.publication == readers.find(found.reader).publication
    return found if is_meant else replace(found, reader=reader.qualified)


def _describe_above(path: DataPath) -> str:
    """What the folder above is, where a folder is called like a part of a dataset."""
    folder = path.path.resolve()
    if not path.is_folder or folder.name.lower() not in _PARTS:
        return ""
    found = find_recognitions(open_path(folder.parent))
    annotated = [one for one in found.values() if short_name(one.reader) != PLAIN]
    if not annotated:
        return ""
    parent = path.path.parent if path.path.name else folder.parent
    return f"the folder above has annotations; name it: {parent} ({annotated[0].describe()})"


def _describe_unknown(path: DataPath, format: str | None) -> str:  # noqa: A002
    """Why nothing is recognised, with what is there."""
    suffixes = Counter(file.suffix.lower() or file.name for file in path.files)
    there = ", ".join(f"{count} {suffix}" for suffix, count in suffixes.most_common(_MAX_NAMED))
    if format is not None:
        return f"{path.path}: it is not of the format '{format}' (there are: {there or 'no files'})"
    if path.path.suffix.lower() in (".zip", ".tar", ".gz", ".tgz", ".7z", ".rar"):
        return f"{path.path}: it is an archive; unpack it, and name the folder"
    if path.path.suffix.lower() == ".json" and (told := explain_json(path.path)):
        return f"{path.path}: {told}"
    if not path.is_folder and (told := describe_other_table(path.path)):
        return f"{path.path}: it is a table with other columns; {told}"
    documents = (document for _, document in path.json_documents())
    if conversions := describe_conversions(path.files, documents):
        return f"{path.path}: {'. '.join(conversions)}"
    names = ", ".join(Registry.installed(FORMAT_GROUP).names())
    for _, document in () if path.is_folder else path.json_documents():
        if isinstance(document, Mapping):
            there = f"the keys {', '.join(map(str, list(document)[:_MAX_NAMED])) or '(none)'}"
    return (
        f"{path.path}: it is of no format that is recognised (there are: {there or 'no files'}). "
        f"Recognised are: {names}; `composer data readers` lists all readers"
    )
