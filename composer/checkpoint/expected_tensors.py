"""The tensors that nodes of a graph expect of a file, and how well the file's fit."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from torch import Tensor

from composer.checkpoint.checkpoint_keys import KeyNaming
from composer.checkpoint.tensor_matching import find_ending, may_be_missing

Shape = tuple[int, ...]


class Score(NamedTuple):
    """How many of the expected tensors there are: of the right name and shape, of the name."""

    fitting: int
    named: int


@dataclass(frozen=True)
class ExpectedTensors:
    """The tensors that some nodes of a graph expect.

    Args:
        naming: their names.
        shapes: full key -> shape.
    """

    naming: KeyNaming
    shapes: Mapping[str, Shape]

    @classmethod
    def of(
        cls, targets: Mapping[str, Mapping[str, Tensor]], prefix_of: Mapping[str, str]
    ) -> ExpectedTensors:
        """Those of nodes.

        Args:
            targets: node path -> the state dict of its module.
            prefix_of: node path -> the prefix of its keys.
        """
        shapes = {
            prefix_of[path] + name: tuple(tensor.shape)
            for path, tensors in targets.items()
            for name, tensor in tensors.items()
        }
        return cls(KeyNaming(targets, prefix_of), shapes)

    def score(self, found: Mapping[str, Shape], *, by_suffix: bool) -> Score:
        """How well the keys and shapes of a file fit."""
        matches = dict(self._match(found, by_suffix=by_suffix))
        fitting = sum(found[key] == self.shapes[wanted] for key, wanted in matches.items())
        return Score(fitting, len(matches))

    def is_complete(self, found: Mapping[str, Shape], *, by_suffix: bool) -> bool:
        """Whether a file has all that is needed."""
        wanted = set(dict(self._match(found, by_suffix=by_suffix)).values())
        return all(key in wanted or may_be_missing(key) for key in self.shapes)

    def _match(self, found: Collection[str], *, by_suffix: bool) -> Iterator[tuple[str, str]]:
        """Key of the file and expected key, for those that belong together."""
        for wanted in self.shapes:
            key = find_ending(wanted, found) if by_suffix else wanted
            if key in found and key is not None:
                yield key, wanted
