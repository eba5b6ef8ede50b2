"""Export to `.pt2`, the archives of torch.export.

Reading one back unpickles and evaluates expressions, so that nothing here ever does: it is checked
as a program in the memory of the process that writes it, and described by a text in the archive.
"""

from __future__ import annotations

import json
import mmap
import re
import warnings
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from composer.acceleration import LayoutError, TensorPart
from composer.checkpoint.zip_directory import read_directory, read_member
from composer.errors import CheckpointError, ExportError, InputError
from composer.exporting import Cut, ProgramExporter, RunFile
from composer.exporting.flat_slots import is_per_image
from composer.json_documents import parse_json_document
from composer.limits import Expansion
from composer.regular_files import open_regular_file

_ENTRY = "composer.json"
_OPERATOR = re.compile(r"\b((?:aten|torchvision|prims|torch\.ops)[\w.:]+)")


class TorchExporter(ProgramExporter):
    """A program of torch.export, of nodes that map tensors to tensors."""

    def __init__(self) -> None:
        self._written: dict[Path, tuple[Any, TensorPart]] = {}

    def write(self, cut: Cut, file: Path, opset: int | None) -> Collection[str]:
        """Writes the nodes as one program with free sizes."""
        if opset is not None:
            raise InputError("--opset does not apply to .pt2, which has no operators of ONNX")
        _require_tensors(cut)
        names = [step.node.path for step in cut.steps]
        try:
            part = TensorPart(
                cut.dependencies, names, cut.callables, cut.examples[0], leaving=cut.leaving_slots
            )
            given = {slot: cut.examples[0][slot] for slot in part.entering}
            tensors = part.widen(part.inputs.flatten(given))
        except LayoutError as error:
            raise ExportError(f"these nodes cannot be exported to .pt2: {error}") from error
        free = torch.export.Dim.AUTO
        shapes = tuple({d.axis: free for d in port.dynamic} for port in part.inputs.ports)
        try:
            with torch.no_grad(), warnings.catch_warnings():
                warnings.simplefilter("ignore")
                program = torch.export.export(
                    part.eval(), tensors, dynamic_shapes=(shapes,), strict=False
                )
                torch.export.save(program, file)
        except Exception as error:
            raise ExportError(_explain(names, error)) from error
        self._written[file] = program, part
        return part.inputs.names

    def add_metadata(self, file: Path, metadata: Mapping[str, str]) -> None:
        """Writes the archive again, with a text in it."""
        program, _ = self._written[file]
        torch.export.save(program, file, extra_files={_ENTRY: json.dumps(dict(metadata))})

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
            with torch.no_grad():
                found = module(*(inputs[name] for name in part.inputs.names))
            return dict(zip(part.outputs.names, found, strict=True))

        return run


def _require_tensors(cut: Cut) -> None:
    inner = {slot for step in cut.steps for end in step.arguments.values() for slot in end.slots}
    for slot in (*sorted(inner), *cut.leaving_slots):
        if is_per_image(cut.dependencies.type_of(slot)):
            raise ExportError(
                f"'{slot}' is a list of an item an image, which a .pt2 file cannot have: export "
                "nodes of tensors, with --until and --feed, or whole detectors to .onnx"
            )


def _explain(names: list[str], error: Exception) -> str:
    text = " ".join(str(error).split())
    found = _OPERATOR.search(text)
    operation = f" at {found.group(1)}" if found else ""
    nodes = ", ".join(names)
    return f"the nodes {nodes} cannot be exported to .pt2{operation}: {text:.400}"
