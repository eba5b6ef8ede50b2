"""Small datasets with everything that COCO's rules tell apart, and what a model might find."""

import random
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch

from composer.data import Annotation, Dataset, Metadata, Record
from composer.structures import BitMasks, Boxes, Instances, encode_segmentation, mask_to_text

NUM_KEYPOINTS = 17
SIZE = (200, 260)


@dataclass(frozen=True)
class Scenes:
    """A dataset, a COCO document that says the same, and the records that a model gets."""

    dataset: Dataset
    document: dict

    @property
    def inputs(self):
        return [
            {"image_id": r.image_id, "file_name": str(r.file_name)} for r in self.dataset.records
        ]


def make_scenes(num_images=6, num_objects=5, seed=0):
    """Images with random polygons, some of them crowds; ids neither sorted nor from zero."""
    draw = random.Random(seed)
    ids = draw.sample(range(10, 1000), num_images)
    records, annotations = [], []
    for image_id in ids:
        made = [_make_annotation(draw, len(annotations) + at + 1) for at in range(num_objects)]
        records.append(Record(Path(f"{image_id}.jpg"), image_id, *SIZE, tuple(made)))
        annotations += [_to_coco(annotation, image_id) for annotation in made]
    metadata = Metadata(
        thing_classes=("cat", "dog", "emu"),
        thing_ids=(3, 7, 20),
        keypoint_names=tuple(f"k{index}" for index in range(NUM_KEYPOINTS)),
    )
    document = {
        "images": [{"id": image_id, "height": SIZE[0], "width": SIZE[1]} for image_id in ids],
        "categories": [
            {"id": id_, "name": name}
            for id_, name in zip(metadata.thing_ids, metadata.thing_classes, strict=True)
        ],
        "annotations": annotations,
    }
    return Scenes(Dataset("scenes", tuple(records), metadata), document)


def true_outputs(dataset):
    """What a model gives that finds everything but the crowds, exactly."""
    return [{"instances": to_instances(record)} for record in dataset.records]


def noisy_outputs(dataset, seed=0):
    """What an imperfect model gives: moved boxes, lost and doubled objects, wrong classes."""
    draw = random.Random(seed)
    outputs = []
    for record in dataset.records:
        moved = [
            _move(draw, annotation)
            for annotation in record.annotations
            for _ in range(draw.choice((0, 1, 1, 1, 2)))
        ]
        changed = replace(record, annotations=tuple(moved))
        instances = to_instances(changed, with_crowds=True)
        # Few different scores, so that some are equal.
        scores = [draw.choice((0.2, 0.5, 0.8, 0.9)) for _ in moved]
        instances.scores = torch.tensor(scores)
        outputs.append({"instances": instances})
    return outputs


def _make_annotation(draw, annotation_id):
    x0, y0 = draw.uniform(0, 120), draw.uniform(0, 90)
    width, height = draw.choice(((12, 15), (40, 35), (110, 100)))
    x1, y1 = x0 + width, y0 + height
    is_crowd = draw.random() < 0.15
    polygon = [x0, y0, x1, y0, x1, y1, (x0 + x1) / 2, y1 - 4, x0, y1]
    code = encode_segmentation([polygon], *SIZE)
    points = []
    for _ in range(NUM_KEYPOINTS):
        seen = draw.choice((0, 1, 2, 2))
        place = [int(draw.uniform(x0, x1)), int(draw.uniform(y0, y1)), seen]
        points += place if seen else [0, 0, 0]
    return Annotation(
        box=(x0, y0, x1, y1),
        category=draw.randrange(3),
        segmentation=code if is_crowd else [polygon],
        keypoints=points,
        is_crowd=is_crowd,
        area=draw.choice((0.9, 0.95)) * width * height,
        annotation_id=annotation_id,
    )


def _to_coco(annotation, image_id):
    x0, y0, x1, y1 = annotation.box
    segmentation = annotation.segmentation
    return {
        "id": annotation.annotation_id,
        "image_id": image_id,
        "category_id": (3, 7, 20)[annotation.category],
        "bbox": [x0, y0, x1 - x0, y1 - y0],
        "area": annotation.area,
        "iscrowd": int(annotation.is_crowd),
        "segmentation": mask_to_text(segmentation) if annotation.is_crowd else segmentation,
        "keypoints": annotation.keypoints,
        "num_keypoints": sum(v > 0 for v in annotation.keypoints[2::3]),
    }


def to_instances(record, *, with_crowds=False):
    """What is annotated on an image, as a model gives it."""
    height, width = record.height, record.width
    found = [a for a in record.annotations if with_crowds or not a.is_crowd]
    polygons = [[] if a.is_crowd else a.segmentation for a in found]
    rasters = [_fill(a, polygon, height, width) for a, polygon in zip(found, polygons, strict=True)]
    instances = Instances(
        (height, width),
        pred_boxes=Boxes(torch.tensor([a.box for a in found])),
        pred_classes=torch.tensor([a.category for a in found], dtype=torch.long),
        scores=torch.ones(len(found)),
        pred_masks=torch.stack(rasters) if rasters else torch.zeros(0, height, width).bool(),
    )
    if all(a.keypoints is not None for a in record.annotations):
        keypoints = torch.tensor([a.keypoints for a in found], dtype=torch.float32)
        keypoints = keypoints.reshape(-1, NUM_KEYPOINTS, 3)
        keypoints[..., :2] += 0.5
        instances.pred_keypoints = keypoints
    return instances


def _fill(annotation, polygons, height, width):
    if annotation.is_crowd:
        x0, y0, x1, y1 = annotation.box
        polygons = [[x0, y0, x1, y0, x1, y1, x0, y1]]
    return BitMasks.from_polygon_masks(
        [[np.array(part) for part in polygons]], height, width
    ).tensor[0]


def _move(draw, annotation):
    dx, dy = draw.gauss(0, 1.5), draw.gauss(0, 1.5)
    x0, y0, x1, y1 = annotation.box
    box = (x0 + dx, y0 + dy, x1 + dx + draw.gauss(0, 1.5), y1 + dy)
    category = annotation.category if draw.random() < 0.9 else draw.randrange(3)
    polygons = annotation.segmentation
    if not annotation.is_crowd:
        polygons = [[v + (dx, dy)[at % 2] for at, v in enumerate(polygons[0])]]
    points = [v + (dx, dy, 0)[at % 3] for at, v in enumerate(annotation.keypoints)]
    return replace(annotation, box=box, category=category, segmentation=polygons, keypoints=points)
