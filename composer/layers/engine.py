"""The contract of engines: libraries that run a set of nodes in place of PyTorch.

A distribution publishes one by an entry point `name = "package.module:Class"` of the group
`composer.engines`; the class is called without arguments. See the guide for engines.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import torch
from torch import Tensor, nn

Compiled = Callable[..., Sequence[Tensor]]


@dataclass(frozen=True)
class EngineTensor:
    """A tensor that enters or leaves a set of nodes.

    Args:
        name: the node and port that it comes from, and where in its value it is
            (`backbone.fpn.p3`).
        dtype: its dtype.
        dynamic: the dimensions that differ between runs, with their meaning: `batch`, `regions`,
            `height`, `width` or `rows`.
    """

    name: str
    dtype: torch.dtype
    dynamic: Mapping[int, str]


@dataclass(frozen=True)
class EnginePart:
    """A set of nodes, as engines get it.

    Args:
        module: takes and gives tensors by place; its weights are the graph's, not to be changed.
        inputs: the tensors that it takes.
        outputs: the tensors that it gives.
        examples: an example of those that it takes, with two images and two regions at least.
    """

    module: nn.Module
    inputs: tuple[EngineTensor, ...]
    outputs: tuple[EngineTensor, ...]
    examples: tuple[Tensor, ...]

    def export(self) -> torch.export.ExportedProgram:
        """The set as a program of torch's, whose dynamic dimensions may have any size."""
        auto = torch.export.Dim.AUTO
        sizes = tuple([dict.fromkeys(each.dynamic, auto) for each in self.inputs])
        with torch.no_grad():
            return torch.export.export(
                _ByPlace(self.module), self.examples, dynamic_shapes=(sizes,), strict=False
            )


class _ByPlace(nn.Module):
    """A module that takes tensors by place, whatever its own parameters are."""

    def __init__(self, module: nn.Module) -> None:
        super().__init__()
        self.module = module

    def forward(self, *tensors: Tensor) -> Sequence[Tensor]:
        return self.module(*tensors)


class Engine(Protocol):
    """A library that compiles and runs sets of nodes.

    Attributes:
        extra: what installs it: an extra of the distribution (`detection-composer[openvino]`).
        precisions: of `float32`, `bfloat16` and `int8` those that it has.
        devices: the types of devices that it runs on.
    """

    extra: str
    precisions: tuple[str, ...]
    devices: tuple[str, ...]

    def find_missing(self) -> str:
        """What is missing for it to run here, or an empty text. Imports as little as it can."""

    def describe_version(self) -> str:
        """Its version and whatever else decides what a compiled set looks like."""

    def takes(self, function: Callable[..., Any], precision: str) -> bool:
        """Whether it can run what a dense node calls.

        Args:
            function: the node's module or function.
            precision: the precision.
        """

    def compile(
        self,
        part: EnginePart,
        precision: str,
        calibration: Sequence[Sequence[Tensor]],
        folder: Path,
    ) -> None:
        """Compiles a set of nodes into files.

        Args:
            part: the set.
            precision: one of `precisions`.
            calibration: tensors that enter the set for images of the user; of `int8` only.
            folder: an empty folder for the files. It may be moved elsewhere afterwards.
        """

    def load(self, folder: Path, part: EnginePart, precision: str) -> Compiled:
        """Makes what runs the set from the files of `compile`; several threads may call it.

        Args:
            folder: the folder.
            part: the set.
            precision: the precision that it was compiled in.
        """
