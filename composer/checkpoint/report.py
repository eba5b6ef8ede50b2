"""What became of a checkpoint's tensors, node by node."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from composer.checkpoint.node_report import NodeReport
from composer.checkpoint.report_text import render_report
from composer.errors import CheckpointMismatchError


@dataclass(frozen=True)
class LoadReport:
    """What became of a checkpoint's tensors. `str()` of it is a table for people.

    Attributes:
        source: the file.
        format: what it is, for people.
        nodes: path -> report, for each node that is to be loaded, and for the places in the graph
            where keys of the file would belong if there were such a node.
        ignored: keys that are nobody's weights (`pixel_mean`, ...).
        unused: keys that belong to nodes which were not asked for.
        notes: what else there is to say of the file, a sentence each.
    """

    source: str
    format: str
    nodes: Mapping[str, NodeReport] = field(default_factory=dict)
    ignored: tuple[str, ...] = ()
    unused: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def ok(self) -> bool:
        """Whether the file fits the nodes, and the nodes the file."""
        return all(node.ok for node in self.nodes.values())

    def raise_if(
        self,
        *,
        strict: bool = True,
        skip_mismatched: bool = False,
        allow_missing: bool = False,
        allow_unexpected: bool = False,
    ) -> None:
        """Raise unless the checkpoint fits, or what does not fit is allowed.

        Args:
            strict: False allows everything.
            skip_mismatched: tensors of another shape are left as they are in the graph, as for a
                new number of classes.
            allow_missing: nodes may have tensors that the file does not have.
            allow_unexpected: the file may have tensors that no node has.

        Raises:
            CheckpointMismatchError: the message is this report.
        """
        if not strict:
            return
        if any(
            (node.mismatched and not skip_mismatched)
            or (node.missing and not allow_missing)
            or (node.unexpected and not allow_unexpected)
            for node in self.nodes.values()
        ):
            raise CheckpointMismatchError(self)

    def __str__(self) -> str:
        title = f"{self.source} ({self.format})"
        return render_report(
            title, self.nodes, ignored=self.ignored, unused=self.unused, notes=self.notes
        )

    def to_json(self) -> dict[str, object]:
        """The whole report as a value that `json.dumps` takes."""
        return {
            "source": self.source,
            "format": self.format,
            "ok": self.ok,
            "nodes": {path: node.to_json() for path, node in self.nodes.items()},
            "ignored": list(self.ignored),
            "unused": list(self.unused),
            "notes": list(self.notes),
        }
