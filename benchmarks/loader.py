"""How fast batches are prepared, against a dataset written by hand on torchvision's transforms."""

import itertools
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
from pycocotools import mask as coco_mask
from torch.utils.data import DataLoader, RandomSampler
from torch.utils.data import Dataset as TorchDataset
from torchvision import tv_tensors
from torchvision.io import ImageReadMode, decode_image
from torchvision.transforms import v2

from benchmarks.measuring import compare
from benchmarks.photographs import Photographs, find_photographs
from composer.data import Dataset, Mapper, TrainingBatches
from composer.data.augmentations import RandomFlip, ResizeShortestEdge

BATCH_SIZE = 4
NUM_BATCHES = 30
SHORTEST, LONGEST = (256, 384), 640


def run(rounds: int = 5) -> list[tuple[str, str, str]]:
    """Images a second with different numbers of workers."""
    with tempfile.TemporaryDirectory() as folder:
        found = find_photographs(Path(folder))
        return [_measure(found, num_workers, rounds) for num_workers in (0, 1, 2)]


def _measure(found: Photographs, num_workers: int, rounds: int) -> tuple[str, str, str]:
    ours = _ours(found.dataset, num_workers)
    theirs = _theirs(found.dataset, num_workers)
    times = compare(lambda: _take(ours), lambda: _take(theirs), rounds)
    workers = f"{num_workers} worker{'' if num_workers == 1 else 's'}"
    return (
        f"images loaded a second, {workers}",
        f"{_per_second(times.seconds):.0f}, {1 / times.ratio:.2f} times those by hand",
        f"{_per_second(times.peer_seconds):.0f} by hand, spread of the ratio {times.spread:.3f}; "
        f"{found.description}, shorter side {SHORTEST[0]} to {SHORTEST[1]}, "
        f"{os.cpu_count()} cores",
    )


def _per_second(seconds: float) -> float:
    return BATCH_SIZE * NUM_BATCHES / seconds


def _take(batches: Iterator[Any]) -> None:
    for _ in itertools.islice(batches, NUM_BATCHES):
        pass


def _ours(dataset: Dataset, num_workers: int) -> Iterator[Any]:
    mapper = Mapper(
        [
            ResizeShortestEdge(
                shortest_edge=list(SHORTEST), sampling="range", longest_edge=LONGEST
            ),
            RandomFlip(),
        ],
        metadata=dataset.metadata,
    )
    return iter(TrainingBatches(dataset, mapper, batch_size=BATCH_SIZE, num_workers=num_workers))


def _theirs(dataset: Dataset, num_workers: int) -> Iterator[Any]:
    loader: DataLoader[Any] = DataLoader(
        ByHand(dataset),
        batch_size=BATCH_SIZE,
        sampler=RandomSampler(dataset, num_samples=10**9),
        num_workers=num_workers,
        collate_fn=_as_it_is,
    )
    return iter(loader)


def _as_it_is(items: list[Any]) -> list[Any]:
    return items


class ByHand(TorchDataset[Any]):
    """What one writes after torchvision's tutorials."""

    def __init__(self, dataset: Dataset) -> None:
        self.records = dataset.records
        self.transforms = v2.Compose(
            [
                v2.RandomShortestSize(list(range(SHORTEST[0], SHORTEST[1] + 1)), LONGEST),
                v2.RandomHorizontalFlip(),
                v2.SanitizeBoundingBoxes(),
            ]
        )

    def __len__(self) -> int:
        return len(self.records)

    def __getitem__(self, index: int) -> Any:
        record = self.records[index]
        image = tv_tensors.Image(decode_image(str(record.file_name), ImageReadMode.RGB))
        height, width = image.shape[-2:]
        boxes = torch.tensor([a.box for a in record.annotations])
        masks = [_fill(a.segmentation, height, width) for a in record.annotations]
        target = {
            "boxes": tv_tensors.BoundingBoxes(  # type: ignore[call-arg]
                boxes, format="XYXY", canvas_size=(height, width)
            ),
            "masks": tv_tensors.Mask(torch.stack(masks)),
            "labels": torch.tensor([a.category for a in record.annotations]),
        }
        return self.transforms(image, target)


def _fill(segmentation: Any, height: int, width: int) -> torch.Tensor:
    if isinstance(segmentation, list):
        segmentation = coco_mask.merge(coco_mask.frPyObjects(segmentation, height, width))
    return torch.from_numpy(coco_mask.decode(segmentation))
