"""What became of the tensors of one node."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Mismatch:
    """A tensor of another shape than the node's.

    Attributes:
        name: its name within the node.
        wanted: shape that the node has.
        found: shape that the file has.
    """

    name: str
    wanted: tuple[int, ...]
    found: tuple[int, ...]


@dataclass(frozen=True)
class NodeReport:
    """What became of the tensors of one node.

    Attributes:
        loaded: names within the node whose tensors the file gives.
        missing: names within the node that the file does not have.
        unexpected: keys of the file in the node's namespace that the node does not have.
        mismatched: names that both have, with different shapes.
    """

    loaded: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()
    unexpected: tuple[str, ...] = ()
    mismatched: tuple[Mismatch, ...] = ()

    @property
    def ok(self) -> bool:
        """Whether everything fits."""
        return not (self.missing or self.unexpected or self.mismatched)

    @property
    def num_wanted(self) -> int:
        """How many tensors the node wants from the file."""
        return len(self.loaded) + len(self.missing) + len(self.mismatched)

    def to_json(self) -> dict[str, object]:
        """The report as a value that `json.dumps` takes."""
        return {
            "loaded": list(self.loaded),
            "missing": list(self.missing),
            "unexpected": list(self.unexpected),
            "mismatched": [
                {"name": each.name, "wanted": list(each.wanted), "found": list(each.found)}
                for each in self.mismatched
            ],
        }
