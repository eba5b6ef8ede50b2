"""A training step of Mask R-CNN R50-FPN in each precision and layout, in one run.

`python -m benchmarks.training [--rounds N] [--size PIXELS] [--threads N] [--parts]`. One photograph
with some objects; weights are random. Steps take turns, and the minimum of the rounds counts, in
seconds of the processor, as the machine may be shared. With channels last, regions are pooled as
sums of cells; a row shows what torchvision's operator would take in its place. bfloat16 is measured
where the processor has it. `--parts` lists the operators that take longest.
"""

import argparse
import time
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import torch
from torch.profiler import ProfilerActivity, profile

from benchmarks.mask_rcnn import build, fit_weights, photograph
from composer.processor import find_processor
from composer.structures import BitMasks, Boxes, Instances
from composer.training.process_group import process_group
from composer.training.settings import TrainingSettings
from composer.training.training_step import TrainingStep, make_training_step

_NUM_OBJECTS = 8
# Name, precision, whether channels are last, and whether regions are pooled as the type says.
_WAYS = (
    ("float32", "float32", False, True),
    ("float32, channels last, torchvision's pooling", "float32", True, False),
    ("float32, channels last", "float32", True, True),
    ("bfloat16", "bfloat16", False, True),
    ("bfloat16, channels last, torchvision's pooling", "bfloat16", True, False),
    ("bfloat16, channels last", "bfloat16", True, True),
)


class Way(NamedTuple):
    """One way to train.

    Args:
        name: its name.
        step: makes a step.
    """

    name: str
    step: TrainingStep


def label(record: Mapping[str, Any]) -> dict[str, Any]:
    """An image with objects in boxes from a tenth to half of its side."""
    side = record["height"]
    generator = torch.Generator().manual_seed(0)
    corners = torch.rand(_NUM_OBJECTS, 2, generator=generator) * side / 2
    boxes = torch.cat(
        (corners, corners + (0.1 + 0.4 * torch.rand(_NUM_OBJECTS, 2, generator=generator)) * side),
        dim=1,
    )
    masks = torch.zeros(_NUM_OBJECTS, side, side, dtype=torch.bool)
    for mask, (left, top, right, bottom) in zip(masks, boxes.long().tolist(), strict=True):
        mask[top:bottom, left:right] = True
    classes = torch.arange(_NUM_OBJECTS)
    instances = Instances(
        (side, side), gt_boxes=Boxes(boxes), gt_classes=classes, gt_masks=BitMasks(masks)
    )
    return {**record, "instances": instances}


def make_ways(
    batch: Sequence[Mapping[str, Any]], processes: Any, chosen: Sequence[str]
) -> list[Way]:
    """All ways, each with a model of its own and the same weights.

    Args:
        batch: what weights are fitted to.
        processes: the processes of the training.
        chosen: texts, one of which a way's name has; none for all.
    """
    ways = []
    for name, precision, is_last, pools_sums in _WAYS:
        if chosen and not any(text in name for text in chosen):
            continue
        if precision == "bfloat16" and not find_processor().has_bfloat16:
            continue  # it would be emulated
        graph = build()
        fit_weights(graph.eval(), batch)
        settings = TrainingSettings.model_validate(
            {
                "iterations": 1,
                "precision": precision,
                "channels_last": is_last,
                "optimizer": {"uses": "SGD", "lr": 1e-6},
            }
        )
        step = make_training_step(graph.train(), settings, processes)
        if not pools_sums:
            for path in ("roi_heads.box_pooler", "roi_heads.mask_pooler"):
                graph.module(path).way = "operator"
        ways.append(Way(name, step))
    return ways


def measure(ways: Sequence[Way], batch: Any, rounds: int) -> list[tuple[float, float]]:
    """Seconds of the processor of each way, the minimum over the rounds, and its first loss."""
    losses = [way.step.run([batch], 0)["total_loss"] for way in ways]
    least = [float("inf")] * len(ways)
    for turn in range(rounds):
        for place, way in enumerate(ways):
            start = time.process_time()
            way.step.run([batch], turn)
            least[place] = min(least[place], time.process_time() - start)
    return list(zip(least, losses, strict=True))


def print_parts(way: Way, batch: Any) -> None:
    """Prints the operators that take longest."""
    with profile(activities=[ProfilerActivity.CPU]) as profiled:
        way.step.run([batch], 0)
    print(f"\n{way.name}\n")
    print(profiled.key_averages().table(sort_by="self_cpu_time_total", row_limit=12))


def main() -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--size", type=int, default=320)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--way", action="append", default=[], help="only ways with this text")
    parser.add_argument("--parts", action="store_true", help="list the longest operators")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    print(f"torch {torch.__version__}, {options.threads} threads, {find_processor()}\n")
    batch = [label(record) for record in photograph(options.size)]
    with process_group("cpu") as processes:
        ways = make_ways(batch, processes, options.way)
        rows = measure(ways, batch, options.rounds)
        print("| step | processor seconds | times | loss |\n| --- | --- | --- | --- |")
        for way, (seconds, loss) in zip(ways, rows, strict=True):
            print(f"| {way.name} | {seconds:.2f} | {rows[0][0] / seconds:.2f} | {loss:.4f} |")
        for way in ways if options.parts else ():
            print_parts(way, batch)


if __name__ == "__main__":
    main()
