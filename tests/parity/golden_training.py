"""What detectron2 computed in one training step of the small models, and how it is compared.

Sample sizes exceed what there is to sample, so that nothing depends on chance.
"""

import json
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pytest
import torch

from composer import Graph
from composer.structures import Boxes, Instances, Keypoints, PolygonMasks
from parity.golden import GoldenCase

LOSS_TOLERANCE = 1e-3  # relative
GRADIENT_TOLERANCE = 1e-2  # relative, of the norm of each weight's gradient


@dataclass(frozen=True)
class GoldenTraining:
    """The ground truth of the two images, and what one step on them gave."""

    name: str

    @cached_property
    def records(self) -> list[dict[str, Any]]:
        """The batch that the model was given."""
        with np.load(GoldenCase(self.name).folder / "ground_truth.npz") as values:
            truth = {name: values[name] for name in values.files}
        records = []
        for index, record in enumerate(GoldenCase(self.name).records):
            prefix = f"{index}/"
            fields = {n.removeprefix(prefix): v for n, v in truth.items() if n.startswith(prefix)}
            sem_seg = fields.pop("sem_seg", None)
            instances = _read_instances(fields, record["image"].shape[1:])
            labels = {} if sem_seg is None else {"sem_seg": torch.from_numpy(sem_seg)}
            records.append({**record, "instances": instances, **labels})
        return records

    @cached_property
    def losses(self) -> dict[str, float]:
        return self._results["losses"]

    @cached_property
    def gradient_norms(self) -> dict[str, float]:
        """The L2 norm of every weight's gradient, by detectron2's keys."""
        return self._results["grad_norms"]

    @cached_property
    def _results(self) -> dict[str, Any]:
        return json.loads((GoldenCase(self.name).folder / "training.json").read_text())


def assert_step_matches(graph: Graph, golden: GoldenTraining) -> None:
    """Takes one training step without an optimizer, and compares losses and gradients."""
    graph.train().zero_grad(set_to_none=True)
    losses = graph(golden.records)
    assert {name: loss.item() for name, loss in losses.items()} == pytest.approx(
        golden.losses, rel=LOSS_TOLERANCE, abs=1e-6
    )
    sum(losses.values()).backward()
    assert norms_of_gradients(graph) == pytest.approx(
        golden.gradient_norms, rel=GRADIENT_TOLERANCE, abs=1e-5
    )


def norms_of_gradients(graph: Graph) -> dict[str, float]:
    """The norm of the gradient of every weight that has one, by its key in the state dict."""
    state = graph.state_dict(keep_vars=True)
    return {name: v.grad.norm().item() for name, v in state.items() if v.grad is not None}


def _read_instances(fields: dict[str, np.ndarray], size: tuple[int, int]) -> Instances:
    instances = Instances(
        size,
        gt_boxes=Boxes(torch.from_numpy(fields["gt_boxes"])),
        gt_classes=torch.from_numpy(fields["gt_classes"]),
        gt_masks=PolygonMasks([[polygon] for polygon in fields["gt_polygons"]]),
    )
    if "gt_keypoints" in fields:
        instances.gt_keypoints = Keypoints(torch.from_numpy(fields["gt_keypoints"]))
    return instances
