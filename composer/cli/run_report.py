"""What is told and kept of a run."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from torch import Tensor

from composer.blueprint import Blueprint, Plan
from composer.checkpoint import LoadReport
from composer.cli.run_request import RunRequest
from composer.cli.run_table import NodeRun
from composer.errors import CheckpointError
from composer.graph import Profile
from composer.storage import write_value
from composer.values import describe


@dataclass
class RunReport:
    """All that is known of a run.

    Args:
        request: what was asked for.
        blueprint: the checked spec.
        plan: what was to run.
        built: paths of the nodes that were built for it.
        files: the files of each input.
        reports: what became of each checkpoint.
        notes: what was said on the way.
        nodes: the nodes that ran.
        profile: the measures, if they were wanted.
        saved: where each result was saved.
    """

    request: RunRequest
    blueprint: Blueprint
    plan: Plan
    built: Sequence[str]
    files: Mapping[str, Sequence[str]]
    reports: Sequence[LoadReport]
    notes: Sequence[str]
    nodes: Sequence[NodeRun] = ()
    profile: Profile | None = None
    saved: dict[str, Path] = field(default_factory=dict)

    def to_json(self, results: Mapping[str, Any]) -> dict[str, Any]:
        """The report as a value that `json.dumps` takes."""
        spec, plan = self.blueprint.spec, self.plan
        return {
            "spec": {"name": spec.name, "source": spec.source, "params": dict(spec.params)},
            "mode": plan.mode,
            "device": self.request.device,
            "seed": self.request.seed,
            "inputs": {name: list(paths) for name, paths in self.files.items()},
            "feeds": dict(self.request.feeds),
            "weights": [report.to_json() for report in self.reports],
            "notes": list(self.notes),
            "built": list(self.built),
            "nodes": list(self._nodes()),
            "cut": list(plan.cut),
            "not_run": list(plan.not_run),
            "results": {
                name: {
                    "value": describe(value),
                    "saved": str(self.saved[name]) if name in self.saved else None,
                }
                for name, value in results.items()
            },
        }

    def _nodes(self) -> Iterator[dict[str, Any]]:
        measures = {} if self.profile is None else {n.path: n for n in self.profile.nodes}
        for node in self.nodes:
            entry: dict[str, Any] = {
                "path": node.path,
                "type": self.blueprint.nodes[node.path].uses,
                "outputs": dict(node.outputs),
                "seconds": node.seconds,
            }
            if node.path in measures:
                entry["output_bytes"] = measures[node.path].output_bytes
                entry["peak_bytes"] = measures[node.path].peak_bytes
            yield entry


def describe_plan(plan: Plan) -> dict[str, Any]:
    """A plan as a value that `json.dumps` takes."""
    return {
        "mode": plan.mode,
        "targets": [target.name for target in plan.targets],
        "inputs": list(plan.inputs),
        "feeds": [str(slot) for slot in plan.feeds],
        "steps": [
            {
                "path": step.node.path,
                "type": step.node.uses,
                "releases": [str(slot) for slot in step.releases],
            }
            for step in plan.steps
        ],
        "cut": list(plan.cut),
        "not_run": list(plan.not_run),
    }


def describe_result(found: Any) -> str:
    """The result of a whole run in words: a line an image, or one an output."""
    if isinstance(found, list):
        lines = [
            f"image {index}: {_describe_record(record)}" for index, record in enumerate(found, 1)
        ]
        return "\n".join(lines) or "no images"
    return "\n".join(f"{name}: {_describe_output(value)}" for name, value in found.items())


def _describe_record(record: Mapping[str, Any]) -> str:
    """`12 instances`, where the name of the output says nothing new."""
    described = {name: describe(value) for name, value in record.items()}
    return ", ".join(
        text if name.rstrip("s") in text else f"{name}: {text}" for name, text in described.items()
    )


def _describe_output(value: Any) -> str:
    """A single number as it is, such as a loss; anything else in words."""
    if isinstance(value, Tensor) and value.ndim == 0:
        return f"{value.item():.6g}"
    return describe(value)


def save_results(report: RunReport, results: Mapping[str, Any]) -> None:
    """Saves every result that is to be saved, and notes where.

    Raises:
        CheckpointError: if one cannot be saved; the others are all the same.
    """
    spec = report.blueprint.spec
    failures: list[str] = []
    for name, value in results.items():
        file = report.request.file_for(spec.name, name)
        if file is None:
            continue
        notes = {"composer.node": name, "composer.name": spec.name}
        try:
            write_value(file, value, notes)
        except CheckpointError as error:
            failures.append(str(error))
        else:
            report.saved[name] = file
    if failures:
        raise CheckpointError("\n".join(failures))
