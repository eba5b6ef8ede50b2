"""How checkpoints of other codebases are given the names of this one.

A plugin publishes a mapping as an entry point in the group `composer.checkpoints`: a class that
is built without arguments.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Protocol, runtime_checkable

from torch import Tensor


@runtime_checkable
class KeyMapping(Protocol):
    """Renames the tensors of one foreign family of checkpoints."""

    @property
    def name(self) -> str:
        """The family, for people: "caffe2"."""
        ...

    @property
    def matches_by_suffix(self) -> bool:
        """Whether its new names are endings of keys, to be matched as such."""
        ...

    def recognises(self, keys: Collection[str]) -> bool:
        """Whether a checkpoint with these keys is one of the family."""
        ...

    def rename(self, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """The tensors under new names, converted where the family orders values differently."""
        ...
