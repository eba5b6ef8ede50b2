"""Export to OpenVINO: `.xml` with its weights in a `.bin` beside it."""

from __future__ import annotations

import json
import os
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any, NoReturn
from xml.etree import ElementTree as ET

import torch
from torch import Tensor

from composer.errors import CheckpointError, ExportError, InputError
from composer.exporting import Cut, ProgramExporter, RunFile
from composer.json_documents import parse_json_document
from composer.regular_files import open_regular_file
from composer.telemetry import without_telemetry
from composer_engines.openvino_core import find_core

_KEY = ["composer", "metadata"]


class OpenvinoExporter(ProgramExporter):
    """OpenVINO, by way of ONNX: the same names and dynamic sizes."""

    modules = ("openvino", "onnx", "onnxscript")
    extra = "openvino,onnxruntime"

    def write(self, cut: Cut, file: Path, opset: int | None) -> Collection[str]:
        """Writes the model in float32."""
        import onnx_ir as ir

        from composer_exporters.onnx_exporter import DEFAULT_OPSET
        from composer_exporters.onnx_model import build_model
        from composer_exporters.onnx_tracing import find_opset

        if opset is not None:
            raise InputError("--opset does not apply to .xml, which has no operators of ONNX")
        between = file.with_name(f"{file.stem}.onnx")
        try:
            model = build_model(cut, find_opset(cut.callables.values(), DEFAULT_OPSET))
            ir.save(model, between, external_data=f"{between.name}.data")
            self._convert(between, file)
            return {value.name or "" for value in model.graph.inputs}
        finally:
            for each in (between, between.with_name(f"{between.name}.data")):
                each.unlink(missing_ok=True)

    def _convert(self, source: Path, file: Path) -> None:
        openvino = import_openvino()
        try:
            with without_telemetry():
                converted = openvino.convert_model(source)
            openvino.save_model(converted, file, compress_to_fp16=False)
        except Exception as error:
            reason = " ".join(str(error).split())
            raise ExportError(f"OpenVINO does not take these nodes: {reason:.600}") from error

    def add_metadata(self, file: Path, metadata: Mapping[str, str]) -> None:
        """Adds entries to the file; the weights stay as they are."""
        openvino = import_openvino()
        model = find_core().read_model(file)
        model.set_rt_info(json.dumps(dict(metadata)), _KEY)
        again = file.with_name("again.xml")
        openvino.save_model(model, again, compress_to_fp16=False)
        del model  # it has the weights of the file open
        for suffix in (".xml", ".bin"):
            os.replace(again.with_suffix(suffix), file.with_suffix(suffix))

    def read_metadata(self, file: Path) -> Mapping[str, str]:
        """Reads the entries of the file, without OpenVINO."""
        return read_metadata(file)

    def open(self, file: Path) -> RunFile:
        """A function that runs the file in OpenVINO."""
        compiled = open_compiled(file)

        def run(inputs: Mapping[str, Tensor]) -> Mapping[str, Tensor]:
            return run_compiled(compiled, inputs)

        return run


def import_openvino() -> Any:
    """The package, which reports its import unless it is kept from it."""
    with without_telemetry():
        import openvino

    return openvino


def open_compiled(file: Path) -> Any:
    """A model compiled for the processor, in float32.

    Raises:
        ExportError: OpenVINO does not take the file.
    """
    core = find_core()
    try:
        precise = {"INFERENCE_PRECISION_HINT": "f32", "INFERENCE_NUM_THREADS": _num_threads()}
        return core.compile_model(core.read_model(file), "CPU", precise)
    except Exception as error:
        reason = " ".join(str(error).split())
        raise ExportError(f"OpenVINO does not take the file: {reason:.600}") from error


def run_compiled(compiled: Any, inputs: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Runs a compiled model on tensors by name."""
    taken = {name for point in compiled.inputs for name in point.get_names()}
    arrays = {name: value.numpy() for name, value in inputs.items() if name in taken}
    try:
        found = compiled(arrays)
    except Exception as error:
        raise ExportError(f"OpenVINO cannot run the file: {error}") from error
    return {
        name: torch.from_numpy(found[point].copy())
        for point in compiled.outputs
        for name in point.get_names()
    }


def read_metadata(file: Path) -> dict[str, str]:
    """The metadata of a `.xml` file of OpenVINO.

    Raises:
        CheckpointError: it is no such file, or damaged.
    """
    try:
        with open_regular_file(file) as stream:
            parser = ET.XMLParser(target=_PlainTree())  # noqa: S314 - no document type, no entities
            parser.feed(stream.read())
            root = parser.close()
        if root.tag != "net":
            raise ValueError(f"its outermost element is '{root.tag:.40}', not 'net'")
        entry = root.find("rt_info/composer/metadata")
        text = "{}" if entry is None else entry.get("value", "{}")
        content = parse_json_document(text)
        return {str(key): str(value) for key, value in content.items()}
    except (ET.ParseError, ValueError, AttributeError, RecursionError) as error:
        raise CheckpointError(f"{file}: this is no model of OpenVINO: {error}") from error


class _PlainTree(ET.TreeBuilder):
    def doctype(self, *_declared: object) -> NoReturn:
        raise ValueError("it declares a document type, which is refused")


def _num_threads() -> int:
    return torch.get_num_threads()
