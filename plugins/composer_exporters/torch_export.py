"""Export to `.pt2`, the archives of torch.export.

Reading one back unpickles and evaluates expressions, so that nothing here ever does: it is checked
as a program in the memory of the process that writes it, and described by a text in the archive.
"""

from __future__ import annotations

import io
import json
import mmap
import re
import warnings
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from composer.acceleration import find_failing_node
from composer.checkpoint.zip_directory import read_directory, read_member
from composer.errors import CheckpointError, ExportError, InputError
from composer.exporting import Cut, ProgramExporter, RunFile
from composer.files import write_bytes
from composer.json_documents import parse_json_document
from composer.layers import EnginePart
from composer.limits import Expansion
from composer.regular_files import open_regular_file

_ENTRY = "composer.json"
_ARGUMENT = re.compile(r"\btensors_(\d+)\b")
_BY_VALUE = "data-dependent expression"
_CAUSE = re.compile(r"Caused by: \((.*?)\)")
_OPERATOR = re.compile(r"\b((?:aten|torchvision|prims|torch\.ops)[\w.:]+)")


class TorchExporter(ProgramExporter):
    """A program of torch.export, of nodes that map tensors to tensors."""

    def __init__(self) -> None:
        self._written: dict[Path, tuple[Any, EnginePart]] = {}

    def write(self, cut: Cut, file: Path, opset: int | None) -> Collection[str]:
        """Writes the nodes as one program with free sizes."""
        if opset is not None:
            raise InputError("--opset does not apply to .pt2, which has no operators of ONNX")
        part = cut.to_part()
        try:
            with _quiet():
                program = part.export()
                content = _serialise(program)
        except Exception as error:
            raise ExportError(_explain([step.node.path for step in cut.steps], error)) from error
        write_bytes(file, content)
        self._written[file] = program, part
        return [each.name for each in part.inputs]

    def add_metadata(self, file: Path, metadata: Mapping[str, str]) -> None:
        """Writes the archive again, with a text in it."""
        program, _ = self._written[file]
        write_bytes(file, _serialise(program, {_ENTRY: json.dumps(dict(metadata))}))

    def read_metadata(self, file: Path) -> Mapping[str, str]:
        """Reads the text from the archive; nothing is unpickled."""
        try:
            with (
                open_regular_file(file) as stream,
                mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ) as archive,
            ):
                size = len(archive)
                members = read_directory(archive, size)
                found = [m for name, m in members.items() if name.endswith(f"/extra/{_ENTRY}")]
                text = read_member(archive, found[-1], Expansion(file, size)) if found else b"{}"
            content = parse_json_document(text)
            return {str(key): str(value) for key, value in content.items()}
        except (ValueError, AttributeError, RecursionError) as error:
            raise CheckpointError(f"{file}: this is no archive of torch.export: {error}") from error

    def open(self, file: Path) -> RunFile:
        """A function that runs the program which this object has written."""
        program, part = self._written[file]
        module = program.module()

        def run(inputs: Mapping[str, Tensor]) -> Mapping[str, Tensor]:
            try:
                with torch.no_grad():
                    found = module(*(inputs[each.name] for each in part.inputs))
            except Exception as error:
                names = [each.name for each in part.inputs]
                raise ExportError(
                    f"the program does not run on all examples: {_rename(str(error), names)}"
                ) from error
            return {each.name: value for each, value in zip(part.outputs, found, strict=True)}

        return run


def _serialise(program: Any, texts: Mapping[str, str] | None = None) -> memoryview:
    """The archive of a program, in memory: torch ends the process where a disk is full."""
    content = io.BytesIO()
    torch.export.save(program, content, extra_files=dict(texts or {}))
    return content.getbuffer()


def _rename(text: str, names: Sequence[str]) -> str:
    """What torch says on one line, with the names of inputs for its own."""

    def find(match: re.Match[str]) -> str:
        number = int(match[1])
        return f"'{names[number]}'" if number < len(names) else match[0]

    return f"{_ARGUMENT.sub(find, ' '.join(text.split())):.400}"


@contextmanager
def _quiet() -> Iterator[None]:
    """Keeps torch from printing the program where it fails; what is raised says it."""
    nowhere = io.StringIO()
    with warnings.catch_warnings(), redirect_stdout(nowhere), redirect_stderr(nowhere):
        warnings.simplefilter("ignore")
        yield


def _explain(names: list[str], error: Exception) -> str:
    text = " ".join(str(error).split())
    if _BY_VALUE in text:
        place = _CAUSE.search(text)
        text = f"it decides by a value{f' ({place[1]})' if place else ''}, which no program can"
    found = _OPERATOR.search(text)
    operation = f" at {found.group(1)}" if found else ""
    path = find_failing_node(error)
    nodes = f"node '{path}'" if path else f"the nodes {', '.join(names)}"
    return f"{nodes} cannot be exported to .pt2{operation}: {text:.400}"
