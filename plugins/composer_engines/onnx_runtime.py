"""onnxruntime: runs ONNX models, on many processors."""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from composer.layers import Compiled, EnginePart
from composer.translation import without_tracer_log
from composer_engines.deformable import has_deformable_convs
from composer_engines.modules_at_hand import describe_versions, find_missing_modules
from composer_engines.quiet_libraries import quiet_libraries
from composer_engines.translation_failures import explain_failure

_FILE, _FLOAT_FILE, _PREPARED_FILE = "model.onnx", "float.onnx", "prepared.onnx"
_OPSET = 18


class OnnxRuntime:
    """Exports a set of nodes to ONNX and runs that on the processor.

    Sizes of images and numbers of regions may be any. `int8` is onnxruntime's static quantisation:
    weights and values of convolutions and matrix products, with scales by channel.
    """

    extra = "detection-composer[onnxruntime]"
    precisions = ("float32", "int8")
    devices = ("cpu",)

    def find_missing(self) -> str:
        """Names the libraries that are not installed."""
        return find_missing_modules("onnxruntime", "onnx", "onnxscript")

    def describe_version(self) -> str:
        """Versions of the libraries that decide what a model looks like."""
        return describe_versions("onnxruntime", "onnx", "onnxscript", "torch")

    def takes(self, function: Callable[..., Any], precision: str) -> bool:
        """Whether there are operations of ONNX for what a node calls."""
        del precision
        return not has_deformable_convs(function)

    def compile(
        self,
        part: EnginePart,
        precision: str,
        calibration: Sequence[Sequence[Tensor]],
        folder: Path,
    ) -> None:
        """Writes the model."""
        target = folder / (_FLOAT_FILE if precision == "int8" else _FILE)
        _export(part, target)
        if precision == "int8":
            _quantise(target, folder, [each.name for each in part.inputs], calibration)

    def load(self, folder: Path, part: EnginePart, precision: str) -> Compiled:
        """Makes a session of the model."""
        del precision
        import onnxruntime

        onnxruntime.disable_telemetry_events()
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = torch.get_num_threads()
        session = onnxruntime.InferenceSession(
            str(folder / _FILE), options, providers=["CPUExecutionProvider"]
        )
        names = [each.name for each in session.get_inputs()]
        places = [[each.name for each in part.inputs].index(name) for name in names]

        def run(*tensors: Tensor) -> list[Tensor]:
            arrays = {
                n: tensors[i].contiguous().numpy() for n, i in zip(names, places, strict=True)
            }
            return [torch.from_numpy(array) for array in session.run(None, arrays)]

        return run


def _export(part: EnginePart, target: Path) -> None:
    """Writes the nodes as a program of torch's; those of attention as a trace.

    torch reasons about every size of a program. Of attention in windows, whose sizes are divided
    and padded by layer after layer, this takes many minutes. A trace has no sizes to reason about;
    whether it is true of all is seen where it is compared with the nodes at another one.
    """
    if any(isinstance(module, nn.LayerNorm) for module in part.module.modules()):
        _trace(part, target)
    else:
        _translate(part, target)


def _trace(part: EnginePart, target: Path) -> None:
    axes = {
        each.name: {axis: f"{each.name}.{axis}" for axis in each.dynamic}
        for each in (*part.inputs, *part.outputs)
    }
    with torch.no_grad(), quiet_libraries(), without_tracer_log():
        torch.onnx.export(
            part.module,
            part.examples,
            str(target),
            dynamo=False,
            opset_version=_OPSET,
            input_names=[each.name for each in part.inputs],
            output_names=[each.name for each in part.outputs],
            dynamic_axes=axes,
        )


def _translate(part: EnginePart, target: Path) -> None:
    program = part.export()
    try:
        with quiet_libraries():
            model = torch.onnx.export(
                program,
                dynamo=True,
                opset_version=_OPSET,
                input_names=[each.name for each in part.inputs],
                output_names=[each.name for each in part.outputs],
                verbose=False,
            )
    except torch.onnx.OnnxExporterError as error:
        raise ValueError(explain_failure(error, program)) from error
    assert model is not None
    model.save(str(target))


def _quantise(
    source: Path,
    folder: Path,
    names: Sequence[str],
    calibration: Sequence[Sequence[Tensor]],
) -> None:
    from onnxruntime.quantization import (
        CalibrationDataReader,
        QuantFormat,
        QuantType,
        quantize_static,
    )
    from onnxruntime.quantization.shape_inference import quant_pre_process

    class Reader(CalibrationDataReader):  # type: ignore[misc]
        """Gives the calibration values one after the other."""

        def __init__(self) -> None:
            self._left: Iterator[Sequence[Tensor]] = iter(calibration)

        def get_next(self) -> dict[str, Any] | None:
            tensors = next(self._left, None)
            if tensors is None:
                return None
            pairs = zip(names, tensors, strict=True)
            return {name: tensor.contiguous().numpy() for name, tensor in pairs}

    with quiet_libraries():
        prepared = folder / _PREPARED_FILE
        quant_pre_process(str(source), str(prepared), skip_symbolic_shape=True)
        quantize_static(
            str(prepared),
            str(folder / _FILE),
            Reader(),
            quant_format=QuantFormat.QDQ,
            per_channel=True,
            activation_type=QuantType.QUInt8,
            weight_type=QuantType.QInt8,
        )
    for file in folder.glob("*"):
        if file.name.startswith((_FLOAT_FILE, _PREPARED_FILE)):
            file.unlink()
