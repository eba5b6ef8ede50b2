"""The content of a checkpoint file, whatever its format."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from torch import Tensor

from composer.checkpoint.renamed_tensors import RenamedTensors


@dataclass(frozen=True)
class Checkpoint:
    """A checkpoint that has been read.

    Tensors may be views of the memory-mapped file: they cost nothing until they are copied, and
    must be copied by whoever keeps them.

    Attributes:
        path: the file.
        format: the name of its format: "safetensors", "torch", "caffe2 pickle", ...
        tensors: key -> tensor on the CPU, with detectron2-style keys.
        metadata: the metadata of the file.
        training_state: everything else in the file (optimizer, scheduler, iteration, ...).
        matching_heuristics: its keys are to be matched by their longest suffix.
        notes: problems that did not make it unreadable, a sentence each.
        choices: how it was read where there was a choice, a line each.
    """

    path: Path
    format: str
    tensors: Mapping[str, Tensor]
    metadata: Mapping[str, str] = field(default_factory=dict)
    training_state: Mapping[str, object] = field(default_factory=dict)
    matching_heuristics: bool = False
    notes: tuple[str, ...] = ()
    choices: tuple[str, ...] = ()

    def only(self, prefixes: Collection[str]) -> Checkpoint:
        """The checkpoint with those tensors only whose keys begin with one of some prefixes."""
        beginnings = tuple(prefixes)
        kept = {key: key for key in self.tensors if key.startswith(beginnings)}
        return replace(self, tensors=RenamedTensors(self.tensors, kept))


@dataclass(frozen=True)
class CheckpointDescription:
    """The metadata and shapes of a checkpoint, without its tensors.

    Attributes:
        path: the file.
        format: as in `Checkpoint`.
        metadata: the metadata of the file.
        sections: the name of each state dict, the preferred one first -> its keys as they are in
            the file -> shape of the tensor.
        passed_over: the objects in it that were not read, as one line; else empty.
    """

    path: Path
    format: str
    metadata: Mapping[str, str]
    sections: Mapping[str, Mapping[str, tuple[int, ...]]]
    passed_over: str = ""

    @property
    def shapes(self) -> Mapping[str, tuple[int, ...]]:
        """Key -> shape of the tensor, of the preferred state dict."""
        return next(iter(self.sections.values()), {})
