"""OpenVINO: Intel's runtime, which also runs on other processors of x86 and on ARM."""

import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy
import torch
from torch import Tensor

from composer.layers import Compiled, EnginePart
from composer.telemetry import without_telemetry
from composer_engines.deformable import has_deformable_convs
from composer_engines.modules_at_hand import describe_versions, find_missing_modules
from composer_engines.openvino_core import find_core
from composer_engines.quiet_libraries import quiet_libraries

_FILE = "model.xml"
_HINTS = {"float32": "f32", "bfloat16": "bf16", "int8": "f32"}


class OpenVino:
    """Converts a set of nodes from torch's exported program and runs it on the processor.

    Sizes of images and numbers of regions may be any. `bfloat16` is a hint to OpenVINO, which
    follows it where the processor has such instructions. `int8` is NNCF's quantisation after
    training.
    """

    extra = "detection-composer[openvino]"
    precisions = ("float32", "bfloat16", "int8")
    devices = ("cpu",)

    def find_missing(self) -> str:
        """Names the libraries that are not installed."""
        return find_missing_modules("openvino")

    def describe_version(self) -> str:
        """Versions of the libraries that decide what a model looks like."""
        return describe_versions("openvino", "nncf", "torch")

    def takes(self, function: Callable[..., Any], precision: str) -> bool:
        """Whether it has operations for what a node calls."""
        del precision
        return not has_deformable_convs(function)

    def compile(
        self,
        part: EnginePart,
        precision: str,
        calibration: Sequence[Sequence[Tensor]],
        folder: Path,
    ) -> None:
        """Writes the model and its weights."""
        with without_telemetry():
            import openvino

            model = openvino.convert_model(part.export())
            if precision == "int8":
                model = _quantise(model, calibration)
            openvino.save_model(model, str(folder / _FILE), compress_to_fp16=False)

    def load(self, folder: Path, part: EnginePart, precision: str) -> Compiled:
        """Compiles the model for this processor."""
        with without_telemetry():
            import openvino

            options = {
                "INFERENCE_PRECISION_HINT": _HINTS[precision],
                "INFERENCE_NUM_THREADS": torch.get_num_threads(),
                "PERFORMANCE_HINT": "LATENCY",
            }
            compiled = find_core().compile_model(str(folder / _FILE), "CPU", options)
        num_outputs, requests = len(part.outputs), threading.local()

        def run(*tensors: Tensor) -> list[Tensor]:
            if not hasattr(requests, "own"):  # a request belongs to one thread
                requests.own = compiled.create_infer_request()
            arrays = [each.contiguous().numpy() for each in tensors]
            requests.own.infer([openvino.Tensor(each, shared_memory=True) for each in arrays])
            found = [requests.own.get_output_tensor(i).data for i in range(num_outputs)]
            return [torch.from_numpy(numpy.array(each)) for each in found]

        return run


def _quantise(model: Any, calibration: Sequence[Sequence[Tensor]]) -> Any:
    samples = [[each.contiguous().numpy() for each in tensors] for tensors in calibration]
    with quiet_libraries():
        import nncf

        quantised = nncf.quantize(model, nncf.Dataset(samples), subset_size=len(samples))
    _give_quantised_values(quantised)
    return quantised


def _give_quantised_values(model: Any) -> None:
    """Lets outputs that are quantised for other nodes, too, leave as those nodes get them.

    OpenVINO (2026.4) scales a value wrongly that leaves in floating point and goes on in int8,
    where sizes are dynamic.
    """
    for result in model.get_results():
        for target in result.input_value(0).get_target_inputs():
            if target.get_node().get_type_name() == "FakeQuantize":
                result.input(0).replace_source_output(target.get_node().output(0))
                break
    model.validate_nodes_and_infer_types()
