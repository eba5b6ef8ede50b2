"""torch's own compiler: C++ code for the processor at hand."""

import os
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from composer.layers import Compiled, EnginePart
from composer_engines.deformable import has_deformable_convs
from composer_engines.lowered_part import LoweredPart

_FILE = "program.pt2"
_OPTIONS = {"freezing": True}
_COMPILERS = ("g++", "clang++", "c++")


class Inductor:
    """Compiles a set of nodes ahead of time, with weights laid out for the processor.

    Of `bfloat16`, weights and values within the set are of that type; what enters and leaves is of
    float32. One program serves all sizes of images and numbers of regions: see `EnginePart.export`.
    """

    extra = ""
    precisions = ("float32", "bfloat16")
    devices = ("cpu",)

    def find_missing(self) -> str:
        """Says that there is no compiler of C++, if so."""
        named = os.environ.get("CXX", "")
        if any(shutil.which(name) for name in (named, *_COMPILERS) if name):
            return ""
        return f"it needs a compiler of C++ ({', '.join(_COMPILERS)}, or one named by CXX)"

    def describe_version(self) -> str:
        """The version of torch, which includes it."""
        return f"torch {torch.__version__}"

    def takes(self, function: Callable[..., Any], precision: str) -> bool:
        """Whether it can run what a node calls: modules and functions of torch's operations."""
        del precision
        return not has_deformable_convs(function)

    def compile(
        self,
        part: EnginePart,
        precision: str,
        calibration: Sequence[Sequence[Tensor]],
        folder: Path,
    ) -> None:
        """Writes the compiled program."""
        del calibration
        from torch._inductor import aoti_compile_and_package

        lowered = part if precision == "float32" else LoweredPart.of(part, torch.bfloat16)
        with torch.no_grad():
            program = lowered.export()
            aoti_compile_and_package(
                program, package_path=str(folder / _FILE), inductor_configs=dict(_OPTIONS)
            )

    def load(self, folder: Path, part: EnginePart, precision: str) -> Compiled:
        """Loads the compiled program."""
        del part, precision
        from torch._inductor import aoti_load_package

        program: Compiled = aoti_load_package(str(folder / _FILE))
        return program
