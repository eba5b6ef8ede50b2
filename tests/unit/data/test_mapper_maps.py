"""Semantic and panoptic maps reach the model as the dataset draws them, whatever moves them."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image

from composer.data import Mapper, write_shape_dataset
from composer.data.augmentations import RandomCrop, RandomFlip, RandomRotation, ResizeShortestEdge
from composer.data.readers.coco import coco
from composer.data.readers.coco_panoptic import coco_panoptic
from composer.errors import InputError
from composer.structures import BitMasks, PolygonMasks

MOVES = [
    ResizeShortestEdge(shortest_edge=[40, 90], sampling="range"),
    RandomFlip(),
    RandomCrop(size=(0.6, 0.6)),
    RandomRotation(degrees=(-30.0, 30.0)),
]


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    folder = tmp_path_factory.mktemp("shapes")
    return write_shape_dataset(folder, num_images=3, panoptic=True, keypoints=True)


def read_panoptic(files, **options):
    return coco_panoptic(
        annotations=files.panoptic, images=files.images, panoptic=files.panoptic_images, **options
    )


def prepare(dataset, augmentations=(), number=0, seed=0):
    mapper = Mapper(augmentations, metadata=dataset.metadata)
    return mapper(dataset[number], torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("things_as_one", [True, False])
def test_semantic_classes_are_those_of_the_segments(files, things_as_one):
    dataset = read_panoptic(files, things_as_one=things_as_one)
    prepared = prepare(dataset)
    ids, segments = prepared["panoptic_seg"]
    assert {segment["id"] for segment in segments} == set(ids.unique().tolist())
    for segment in segments:
        (found,) = prepared["sem_seg"][ids == segment["id"]].unique().tolist()
        name = dataset.metadata.stuff_classes[found]
        if segment["isthing"]:
            thing = dataset.metadata.thing_classes[segment["category_id"]]
            assert name == ("things" if things_as_one else thing)
        else:
            assert found == segment["category_id"]


@pytest.mark.parametrize("seed", range(6))
def test_maps_move_with_the_objects(files, seed):
    prepared = prepare(read_panoptic(files), MOVES, seed=seed)
    ids, segments = prepared["panoptic_seg"]
    assert prepared["image"].shape[1:] == ids.shape == prepared["sem_seg"].shape
    masks = prepared["instances"].gt_masks.tensor
    assert len(masks) > 0
    things = {segment["id"] for segment in segments if segment["isthing"]}
    for mask in masks:
        (found,) = ids[mask].unique().tolist()  # one segment, and no pixel of another
        assert found in things
        assert torch.equal(ids == found, mask)
    unknown = prepared["sem_seg"] == 255
    assert torch.equal(unknown, ids == 0)


@pytest.mark.parametrize("seed", range(6))
def test_keypoints_and_boxes_move_with_outlines(files, seed):
    dataset = coco(annotations=files.annotations, images=files.images)
    instances = prepare(dataset, MOVES, seed=seed)["instances"]
    masks = instances.gt_masks
    assert isinstance(masks, PolygonMasks)
    height, width = instances.image_size
    filled = BitMasks.from_polygon_masks(masks.polygons, height, width)
    boxes = filled.get_bounding_boxes().tensor
    assert ((boxes - instances.gt_boxes.tensor).abs() <= 1.5).all()
    for keypoints, box in zip(
        instances.gt_keypoints.tensor, instances.gt_boxes.tensor, strict=True
    ):
        seen = keypoints[keypoints[:, 2] > 0, :2]
        assert ((seen >= box[:2] - 1.5) & (seen <= box[2:] + 1.5)).all()


def test_a_semantic_picture_is_read_and_must_fit(files, tmp_path):
    dataset = coco(annotations=files.annotations, images=files.images)
    labels = np.arange(64 * 80).reshape(64, 80) % 5
    for name, pixels in (("fits.png", labels), ("small.png", labels[:50])):
        Image.fromarray(pixels.astype(np.uint8)).save(tmp_path / name)
    mapper = Mapper([RandomFlip(probability=1.0)])
    record = replace(dataset[0], sem_seg_file=tmp_path / "fits.png")
    prepared = mapper(record, torch.Generator())
    np.testing.assert_array_equal(prepared["sem_seg"].numpy(), labels[:, ::-1])
    with pytest.raises(InputError, match="it is 50 x 80, but the image is 64 x 80"):
        mapper(replace(record, sem_seg_file=tmp_path / "small.png"), torch.Generator())
    with pytest.raises(InputError, match="cannot be read"):
        mapper(replace(record, sem_seg_file=files.annotations), torch.Generator())
