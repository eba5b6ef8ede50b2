"""What the results in a folder are of, so that no other job's are mixed with them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from typing import Any

from composer.errors import InputError
from composer.json_documents import parse_json_document
from composer.sharded_jobs.output_folder import OutputFolder

NAME = "_manifest.json"  # readers of folders of Parquet pass over what begins with _
_VERSION = 1


def check_manifest(folder: OutputFolder, job: Mapping[str, Any]) -> None:
    """Writes what a job is, or makes sure that what is there is the same job's.

    Args:
        folder: of the results.
        job: plain values by name.

    Raises:
        InputError: the folder has the results of another job, or its manifest is damaged.
    """
    wanted = {"composer_job": _VERSION, **json.loads(json.dumps(job))}
    with folder.claimed("manifest", waits=True):
        if folder.read(NAME) is None:
            text = json.dumps({**wanted, "parts": {}}, indent=1, sort_keys=True)
            folder.write(NAME, text.encode())
    found = read_manifest(folder)
    differing = [
        key for key in {**wanted, **found} if key != "parts" and wanted.get(key) != found.get(key)
    ]
    if differing:
        raise InputError(
            f"{folder.address} has the results of another job; what differs: "
            f"{'; '.join(_describe(key, found, wanted) for key in sorted(differing))}. "
            "Choose another folder with --output"
        )


def read_manifest(folder: OutputFolder) -> dict[str, Any]:
    """The manifest of a folder of results; nothing if there is none.

    Raises:
        InputError: it is damaged.
    """
    content = folder.read(NAME)
    if content is None:
        return {}
    try:
        found = parse_json_document(content)
    except ValueError as error:
        raise InputError(f"{folder.address}/{NAME} is damaged: {error}") from None
    if not isinstance(found, dict) or not isinstance(found.get("parts", {}), dict):
        raise InputError(f"{folder.address}/{NAME} is damaged: it is no object")
    return found


def note_parts(folder: OutputFolder, parts: Mapping[str, Mapping[str, Any]]) -> None:
    """Adds finished shards to the manifest, which lists them for people; files are what counts.

    Args:
        folder: of the results.
        parts: by the name of the shard's file its numbers of images, rows and errors.
    """
    with folder.claimed("manifest", waits=True):
        found = read_manifest(folder)
        present = folder.list_names()
        kept = {name: part for name, part in found.get("parts", {}).items() if name in present}
        noted = {**found, "parts": {**kept, **parts}}
        if noted != found:
            folder.write(NAME, json.dumps(noted, indent=1, sort_keys=True).encode())


def hash_names(names: Iterable[str]) -> str:
    """A hash of a list of names, in their order."""
    digest = hashlib.sha256()
    for name in names:
        digest.update(name.encode("utf-8", "surrogateescape") + b"\0")
    return digest.hexdigest()


def _describe(key: str, found: Mapping[str, Any], wanted: Mapping[str, Any]) -> str:
    there, here = (str(each.get(key, "nothing")) for each in (found, wanted))
    return f"{key} ({there:.60} there, {here:.60} here)"
