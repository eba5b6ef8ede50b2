"""Export to ONNX, and runs of such files in onnxruntime."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from composer.errors import ExportError, InputError
from composer.exporting import Cut, ProgramExporter, RunFile
from composer_exporters.onnx_metadata import append_metadata, read_metadata

DEFAULT_OPSET, _OPSETS = 18, range(18, 21)
_LARGEST = 1_800_000_000  # bytes of a file; what is larger has its weights in a file beside it


class OnnxExporter(ProgramExporter):
    """ONNX, with names of nodes and dynamic sizes."""

    modules = ("onnx", "onnxscript", "onnxruntime")
    extra = "onnxruntime"

    def write(self, cut: Cut, file: Path, opset: int | None) -> Collection[str]:
        """Writes one model, whose weights are in a file beside it if there are many."""
        import onnx_ir as ir

        from composer_exporters.onnx_model import build_model
        from composer_exporters.onnx_tracing import find_opset

        if opset is not None and opset not in _OPSETS:
            raise InputError(
                f"--opset {opset}: the operators of ONNX are written in versions {_OPSETS[0]} to "
                f"{_OPSETS[-1]}"
            )
        model = build_model(cut, opset or find_opset(cut.callables.values(), DEFAULT_OPSET))
        sizes = (v.const_value.nbytes for v in model.graph.initializers.values() if v.const_value)
        beside = f"{file.name}.data" if sum(sizes) > _LARGEST else None
        ir.save(model, file, external_data=beside)
        return {value.name or "" for value in model.graph.inputs}

    def add_metadata(self, file: Path, metadata: Mapping[str, str]) -> None:
        """Appends entries to the file."""
        append_metadata(file, metadata)

    def read_metadata(self, file: Path) -> Mapping[str, str]:
        """Reads the entries of the file, and nothing else of it."""
        return read_metadata(file)

    def open(self, file: Path) -> RunFile:
        """A function that runs the file in onnxruntime."""
        session = open_session(file)
        names = [output.name for output in session.get_outputs()]
        taken = {point.name for point in session.get_inputs()}

        def run(inputs: Mapping[str, Tensor]) -> Mapping[str, Tensor]:
            arrays = {name: value.numpy() for name, value in inputs.items() if name in taken}
            try:
                found = session.run(names, arrays)
            except Exception as error:
                raise ExportError(f"onnxruntime cannot run the file: {error}") from error
            return {
                name: torch.from_numpy(array.copy())
                for name, array in zip(names, found, strict=True)
            }

        return run


def open_session(file: Path) -> Any:
    """A session of onnxruntime on the processor, without telemetry.

    Raises:
        ExportError: it does not take the file.
    """
    import onnxruntime

    onnxruntime.disable_telemetry_events()
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4  # what is raised says it
    options.intra_op_num_threads = torch.get_num_threads()
    try:
        return onnxruntime.InferenceSession(str(file), options, providers=["CPUExecutionProvider"])
    except Exception as error:
        raise ExportError(f"onnxruntime does not take the file: {error}") from error
