"""The report of a run: as JSON, as text, and its results as files."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import Tensor

from composer.blueprint import Plan
from composer.checkpoint import LoadReport
from composer.cli.output import terminal_width
from composer.cli.run_table import Outcome
from composer.errors import CheckpointError
from composer.graph import Graph
from composer.storage import write_value
from composer.values import describe


@dataclass(frozen=True)
class RunReport:
    """The report of a run.

    Args:
        graph: the nodes that were built.
        plan: the plan of the run.
        outcome: results and measures.
        weights: the report of each checkpoint.
        saved: the file of each result.
        context: device, seed, files and notes, for the JSON document.
    """

    graph: Graph
    plan: Plan
    outcome: Outcome
    weights: Sequence[LoadReport]
    saved: Mapping[str, Path]
    context: Mapping[str, Any]

    def to_json(self) -> dict[str, Any]:
        """The report as a value that `json.dumps` takes."""
        spec, plan = self.graph.spec, self.plan
        return {
            "spec": {"name": spec.name, "source": spec.source, "params": dict(spec.params)},
            "mode": plan.mode,
            **self.context,
            "weights": [report.to_json() for report in self.weights],
            "built": [path for path in self.graph.blueprint.nodes if path in self.graph.callables],
            "nodes": list(self._nodes()),
            "kept": list(self.not_needed),
            "cut": list(plan.cut),
            "not_run": list(plan.not_run),
            "results": {
                name: {
                    "value": describe(value),
                    "saved": str(self.saved[name]) if name in self.saved else None,
                }
                for name, value in self.outcome.results.items()
            },
        }

    @property
    def not_needed(self) -> tuple[str, ...]:
        """Nodes of the plan that did not run, for values were found in a cache."""
        ran = {node.path for node in self.outcome.nodes}
        ran |= {path for name in ran for path in self.graph.engine_nodes.get(name, ())}
        return tuple(path for path in self.plan.paths if path not in ran)

    def summary(self) -> str:
        """What is printed after the last node."""
        plan, lines = self.plan, []
        if self.outcome.profile is not None:
            lines.append(_indent(str(self.outcome.profile)))
        absent = (
            ("found in the cache, or only needed for what was", self.not_needed),
            ("cut off by feeds", plan.cut),
            ("not run", plan.not_run),
        )
        for what, paths in absent:
            if paths:
                lines.append(_wrap(f"{what}: {', '.join(paths)}"))
        if plan.is_whole:
            (whole,) = self.outcome.results.values()
            lines.append(_indent(_describe_result(whole)))
        lines += [f"  saved {name} to {file}" for name, file in self.saved.items()]
        return "\n".join(lines)

    def _nodes(self) -> Iterator[dict[str, Any]]:
        profile = self.outcome.profile
        types = {path: node.type_name for path, node in self.graph.blueprint.nodes.items()}
        measures = {} if profile is None else {node.path: node for node in profile.nodes}
        for node in self.outcome.nodes:
            entry: dict[str, Any] = {
                "path": node.path,
                "type": types.get(node.path) or self.graph.engine_steps[node.path],
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
        "edits": [str(slot) for slot in plan.edits],
        "steps": [
            {
                "path": step.node.path,
                "type": step.node.type_name,
                "releases": [str(slot) for slot in step.releases],
            }
            for step in plan.steps
        ],
        "cut": list(plan.cut),
        "not_run": list(plan.not_run),
    }


def save_results(outcome: Outcome, model: str, place: str | None) -> dict[str, Path]:
    """Saves the results of a run; of a node with several outputs all of them, by port.

    Args:
        outcome: the results.
        model: name of the spec.
        place: the file or folder; by default `runs/<model>`.

    Returns:
        The files by name.

    Raises:
        CheckpointError: one cannot be saved; the others are all the same.
    """
    saved: dict[str, Path] = {}
    failures: list[str] = []
    for name, value in {**outcome.results, **outcome.ports}.items():
        file = _choose_file(name, model, place)
        try:
            is_named = place is not None and file == Path(place)
            notes = {"composer.node": name, "composer.name": model}
            write_value(file, value, notes, follow_links=is_named)
        except CheckpointError as error:
            failures.append(str(error))
        else:
            saved[name] = file
    if failures:
        raise CheckpointError("\n".join(failures))
    return saved


def _choose_file(result: str, model: str, place: str | None) -> Path:
    if place is not None and Path(place).suffix:
        return Path(place)
    folder = Path("runs", _as_file_name(model)) if place is None else Path(place)
    return folder / f"{_as_file_name(result)}.safetensors"


def _as_file_name(name: str) -> str:
    """A name without anything that leads to another folder or that some system refuses."""
    return re.sub(r"[^\w.-]", ".", name).lstrip(".") or "unnamed"


def _describe_result(found: Any) -> str:
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


def _wrap(text: str) -> str:
    return textwrap.fill(
        text,
        max(terminal_width(), 40),
        initial_indent="  ",
        subsequent_indent="    ",
        break_long_words=False,
    )


def _indent(text: str) -> str:
    return "\n".join(f"  {line}" for line in text.splitlines())
