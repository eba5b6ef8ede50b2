"""How cost grows: with the size of images, images in a batch, proposals, and images of a dataset.

Of each curve, the sizes are measured in turns, and the power of the size that fits the fastest
rounds is printed: 1 is proportional. Curves over the number of nodes are in `large_specs`.
"""

import math
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import torch

from benchmarks.mask_rcnn import build, example_batch
from benchmarks.measuring import find_power
from composer.data import Annotation, Dataset, Metadata, Record
from composer.evaluation import CocoEvaluator
from composer.structures import Boxes, Instances

SIDES = (256, 384, 512, 768)
BATCHES = (1, 2, 4)
PROPOSALS = (125, 250, 500, 1000)
IMAGES = (100, 1000, 10_000)
_IMAGE = 320  # side of the image that proposals are pooled from
_SIDE = 100
_NUM_OBJECTS = 4


def run(rounds: int = 3) -> Iterator[tuple[str, str, str]]:
    """The power with which cost grows, and the cost of each size."""
    graph = build().eval()
    with torch.no_grad():
        batches = {side**2: example_batch(side, side) for side in SIDES}
        backbones = {size: _running(graph, batch, "backbone") for size, batch in batches.items()}
        yield _row("pixels of an image, backbone", backbones, rounds)
        many = {count: example_batch(320, 320) * count for count in BATCHES}
        yield _row("images in a batch", {c: _running(graph, b) for c, b in many.items()}, rounds)
        features = graph.run(example_batch(_IMAGE, _IMAGE), until="backbone")
        pooled = {count: _pooling(graph, features, count) for count in PROPOSALS}
        yield _row("proposals, box pooling and head", pooled, rounds)
    evaluations = {count: _evaluating(count) for count in IMAGES}
    yield _row("images of a dataset, evaluation of boxes", evaluations, rounds)


def measure(actions: Sequence[Callable[[], object]], rounds: int) -> list[float]:
    """The fastest of several rounds of each action, in processor time; rounds take turns."""
    best = [math.inf] * len(actions)
    for action in actions:
        action()
    for _ in range(rounds):
        for place, action in enumerate(actions):
            start = time.process_time()
            action()
            best[place] = min(best[place], time.process_time() - start)
    return best


def _row(name: str, actions: dict[int, Callable[[], object]], rounds: int) -> tuple[str, str, str]:
    times = measure(list(actions.values()), rounds)
    shown = ", ".join(f"{each:.3f}" for each in times)
    sizes = ", ".join(f"{size:,}" for size in actions)
    power = find_power(list(actions), times)
    return f"curve: {name}", f"power {power:.2f}", f"{shown} s for {sizes}"


def _running(graph: Any, batch: Any, until: str | None = None) -> Callable[[], object]:
    return lambda: graph.run(batch, until=until)


def _pooling(graph: Any, features: Any, count: int) -> Callable[[], object]:
    """Pooling and head of as many boxes of an image, from a tenth to half of its side."""
    generator = torch.Generator().manual_seed(0)
    corners = torch.rand(count, 2, generator=generator) * _IMAGE / 2
    sides = (0.1 + 0.4 * torch.rand(count, 2, generator=generator)) * _IMAGE
    feeds = {"backbone": features, "proposals": [Boxes(torch.cat((corners, corners + sides), 1))]}
    return lambda: graph.run(feeds=feeds, until="box_head")


def _evaluating(count: int) -> Callable[[], object]:
    """The evaluation of as many images, each with a few objects, all of them found."""
    generator = torch.Generator().manual_seed(0)
    corners = torch.rand(_NUM_OBJECTS, 2, generator=generator) * _SIDE / 2
    boxes = torch.cat((corners, corners + _SIDE / 4), dim=1)
    annotations = tuple(Annotation(tuple(box), 0) for box in boxes.tolist())
    records = tuple(
        Record(Path(f"{number}.jpg"), number, _SIDE, _SIDE, annotations) for number in range(count)
    )
    dataset = Dataset("boxes", records, Metadata(thing_classes=("thing",)))
    found = Instances(
        (_SIDE, _SIDE),
        pred_boxes=Boxes(boxes),
        scores=torch.rand(_NUM_OBJECTS, generator=generator),
        pred_classes=torch.zeros(_NUM_OBJECTS, dtype=torch.int64),
    )

    def evaluate() -> object:
        evaluator = CocoEvaluator(dataset, tasks=["bbox"])
        for number in range(count):
            evaluator.process([{"image_id": number}], [{"instances": found}])
        return evaluator.results()

    return evaluate
