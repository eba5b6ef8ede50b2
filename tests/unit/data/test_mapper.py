"""What a model is given is what the record says, in the form that the model wants."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image
from pycocotools import mask as coco_mask

from composer.data import Annotation, Mapper, Metadata, Record, read_image
from composer.data.augmentations import (
    RandomApply,
    RandomCrop,
    RandomFlip,
    RandomRotation,
    RandomZoomOut,
    ResizeShortestEdge,
)
from composer.data.sample_reading import read_sample
from composer.data.transforms import crop_sample
from composer.errors import InputError
from composer.language import ImageFormat
from composer.structures import BitMasks, ImageBatch, PolygonMasks, encode_mask
from unit.data.some_samples import write_dataset

OUTLINE = [4.0, 5.0, 20.0, 5.0, 20.0, 25.0]


def image_format(**values):
    return ImageFormat.model_validate(values)


def run(mapper, record):
    return mapper(record, torch.Generator().manual_seed(0))


@pytest.fixture
def record(tmp_path):
    return write_dataset(tmp_path, sizes=[(30, 40)])[0]


def test_without_augmentations_the_image_is_as_read_image_gives_it(record):
    wanted = image_format(shortest_edge=20, longest_edge=100, channel_order="RGB", scale=0.5)
    prepared = run(Mapper(image_format=wanted, annotated=False), record)
    expected = read_image(record.file_name, wanted)
    assert torch.equal(prepared["image"], expected["image"])
    assert {key: prepared[key] for key in ("height", "width")} == {"height": 30, "width": 40}
    assert "instances" not in prepared


def test_targets_are_in_the_size_of_the_image(record):
    prepared = run(Mapper(image_format=image_format(shortest_edge=60)), record)
    instances = prepared["instances"]
    assert instances.image_size == (60, 80) == tuple(prepared["image"].shape[1:])
    assert instances.gt_boxes.tensor.tolist() == [[8, 10, 40, 50]]
    assert instances.gt_classes.tolist() == [0]
    assert isinstance(instances.gt_masks, PolygonMasks)
    assert (prepared["height"], prepared["width"]) == (30, 40)
    ImageBatch.from_records([prepared])


def with_annotations(record: Record, *annotations: Annotation) -> Record:
    return replace(record, annotations=annotations)


def test_crowds_and_difficult_objects_are_no_targets(record):
    box = (0.0, 0.0, 9.0, 9.0)
    crowd, hard, plain = (
        Annotation(box, 0, is_crowd=True),
        Annotation(box, 1, is_difficult=True),
        Annotation(box, 2),
    )
    prepared = run(Mapper([]), with_annotations(record, crowd, hard, plain))
    assert prepared["instances"].gt_classes.tolist() == [2]


def test_boxes_are_cut_to_the_image_and_empty_ones_dropped(record):
    outside = Annotation((50.0, 2.0, 60.0, 9.0), 0)
    across = Annotation((-5.0, 2.0, 60.0, 9.0), 1)
    prepared = run(Mapper([]), with_annotations(record, outside, across))
    assert prepared["instances"].gt_boxes.tensor.tolist() == [[0, 2, 40, 9]]
    assert prepared["instances"].gt_classes.tolist() == [1]


def test_what_lies_beyond_the_image_does_not_come_back_by_padding(record):
    metadata = Metadata(thing_classes=("person",), keypoint_names=("nose",))
    outline = [-6.0, 5.0, 8.0, 5.0, 8.0, 15.0, -6.0, 15.0]
    person = Annotation((-6, 5, 8, 15), 0, [outline], keypoints=(-4.0, 10.0, 2.0))
    zoom = RandomZoomOut(probability=1.0, scales=(2.0, 2.0))
    for mask_format in ("polygon", "bitmask"):
        mapper = Mapper([zoom], metadata=metadata, mask_format=mask_format)
        instances = run(mapper, with_annotations(record, person))["instances"]
        masks = instances.gt_masks.get_bounding_boxes().tensor
        assert torch.equal(masks, instances.gt_boxes.tensor)
        assert instances.gt_keypoints.tensor.tolist() == [[[0, 0, 0]]]


def run_lengths():
    (encoded,) = coco_mask.frPyObjects([OUTLINE], 30, 40)
    return encoded


def test_run_lengths_become_bit_masks_and_polygons_beside_them_too(record):
    box = (4.0, 5.0, 20.0, 25.0)
    mixed = with_annotations(
        record, Annotation(box, 0, [OUTLINE]), Annotation(box, 0, run_lengths())
    )
    masks = run(Mapper([]), mixed)["instances"].gt_masks
    assert isinstance(masks, BitMasks)
    assert torch.equal(masks.tensor[0], masks.tensor[1])
    assert masks.tensor.sum() > 200


def test_run_lengths_are_refused_where_polygons_are_wanted(record):
    encoded = with_annotations(record, Annotation((4, 5, 20, 25), 0, run_lengths()))
    with pytest.raises(InputError, match="mask format 'bitmask' or 'auto'"):
        run(Mapper([], mask_format="polygon"), encoded)


def test_bit_masks_are_made_of_polygons_where_they_are_wanted(record):
    masks = run(Mapper([], mask_format="bitmask"), record)["instances"].gt_masks
    assert isinstance(masks, BitMasks)
    assert masks.tensor[0, 5:25, 4:20].all()


def test_objects_without_masks_have_none(record):
    plain = with_annotations(record, Annotation((4, 5, 20, 25), 0))
    assert not run(Mapper([]), plain)["instances"].has("gt_masks")


@pytest.mark.parametrize("mask_format", ["polygon", "bitmask"])
@pytest.mark.parametrize(
    "augmentation",
    [RandomFlip(probability=1.0), RandomRotation(degrees=(5.0, 5.0)), RandomZoomOut(probability=1)],
)
def test_an_object_whose_mask_is_not_known_stays_among_others(record, mask_format, augmentation):
    box = (4.0, 5.0, 20.0, 25.0)
    mixed = with_annotations(record, Annotation(box, 0, [OUTLINE]), Annotation(box, 1))
    instances = run(Mapper([augmentation], mask_format=mask_format), mixed)["instances"]
    assert instances.gt_classes.tolist() == [0, 1]
    assert instances.gt_masks.nonempty().tolist() == [True, False]
    assert instances.gt_boxes.nonempty().all()


def test_a_dataset_with_masks_has_empty_ones_where_no_object_of_an_image_has_one(record):
    plain = with_annotations(record, Annotation((4, 5, 20, 25), 0))
    instances = run(Mapper([], metadata=Metadata(has_masks=True)), plain)["instances"]
    assert len(instances) == 1
    assert instances.gt_masks.nonempty().tolist() == [False]


def test_a_known_mask_that_is_cut_away_takes_its_object_along(record):
    sides = ([0.0, 0.0, 5.0, 0.0, 5.0, 30.0, 0.0, 30.0], None)
    whole = (0.0, 0.0, 40.0, 30.0)
    known, unknown = (Annotation(whole, n, s and [s]) for n, s in enumerate(sides))
    sample = read_sample(with_annotations(record, known, unknown), Metadata())
    assert crop_sample(sample, 0, 10, 30, 30).visible().tolist() == [False, True]


def test_an_image_without_objects_has_empty_targets(record):
    instances = run(Mapper([]), with_annotations(record))["instances"]
    assert len(instances.gt_boxes) == len(instances.gt_masks) == 0


def test_keypoints_are_centres_of_pixels_and_swap_names_in_a_mirror(record):
    metadata = Metadata(
        thing_classes=("person",), keypoint_names=("left", "right"), keypoint_flip_pairs=((0, 1),)
    )
    points = (3.0, 7.0, 2.0, 0.0, 0.0, 0.0)
    person = with_annotations(record, Annotation((0, 0, 9, 9), 0, keypoints=points))
    straight = run(Mapper([], metadata=metadata), person)["instances"].gt_keypoints.tensor
    mirrored = run(Mapper([RandomFlip(probability=1.0)], metadata=metadata), person)
    assert straight.tolist() == [[[3.5, 7.5, 2], [0, 0, 0]]]
    assert mirrored["instances"].gt_keypoints.tensor.tolist() == [[[0, 0, 0], [36.5, 7.5, 2]]]


def test_a_semantic_class_that_there_is_not_is_refused(record, tmp_path):
    labels = np.full((30, 40), 255, dtype=np.uint8)
    labels[0] = 1
    Image.fromarray(labels).save(tmp_path / "labels.png")
    drawn = replace(record, sem_seg_file=tmp_path / "labels.png")
    mapper = Mapper([], metadata=Metadata(stuff_classes=("sky", "sea")))
    assert run(mapper, drawn)["sem_seg"].unique().tolist() == [1, 255]
    labels[1] = 77
    Image.fromarray(labels).save(tmp_path / "labels.png")
    with pytest.raises(InputError, match=r"labels\.png: it has the semantic class 77; .* 0 to 1"):
        run(mapper, drawn)


def test_outlines_are_filled_after_they_were_moved(tmp_path):
    file = tmp_path / "0.png"
    Image.fromarray(np.zeros((30, 40, 3), dtype=np.uint8)).save(file)
    triangle = np.array([5.0, 4.0, 20.3, 6.1, 17.2, 18.4])
    record = Record(
        file, 0, 30, 40, annotations=(Annotation((5, 4, 20.3, 18.4), 0, [triangle.tolist()]),)
    )
    resize = ResizeShortestEdge(shortest_edge=[300], longest_edge=0)
    mapper = Mapper([resize], metadata=Metadata(thing_classes=("a",)), mask_format="bitmask")
    found = mapper(record, torch.Generator())["instances"].gt_masks
    expected = BitMasks.from_polygon_masks([[triangle * 10]], 300, 400)
    assert torch.equal(found.tensor, expected.tensor)


def test_outlines_and_run_lengths_of_one_image_are_moved_each_in_its_form(tmp_path):
    file = tmp_path / "0.png"
    Image.fromarray(np.zeros((30, 40, 3), dtype=np.uint8)).save(file)
    square = [5.0, 4.0, 15.0, 4.0, 15.0, 14.0, 5.0, 14.0]
    pixels = np.zeros((30, 40), dtype=bool)
    pixels[20:26, 30:36] = True
    annotations = (
        Annotation((5, 4, 15, 14), 0, [square]),
        Annotation((30, 20, 36, 26), 0, encode_mask(pixels)),
    )
    record = Record(file, 0, 30, 40, annotations=annotations)
    resize = ResizeShortestEdge(shortest_edge=[90], longest_edge=0)
    crop = RandomCrop(size=(1.0, 1.0), sizing="relative")
    mapper = Mapper([resize, crop], metadata=Metadata(thing_classes=("a",)))
    found = mapper(record, torch.Generator())["instances"]
    expected = torch.zeros(2, 90, 120, dtype=torch.bool)
    expected[0, 12:42, 15:45] = True
    expected[1, 60:78, 90:108] = True
    assert torch.equal(found.gt_masks.tensor, expected)


NAMES = ("left_end", "right_end", "top")


def test_keypoints_whose_pairs_are_unknown_are_not_mirrored():
    metadata = Metadata(keypoint_names=NAMES)
    with pytest.raises(InputError, match=r"`keypoint_flip_pairs: \[\[left_end, right_end\]\]`"):
        Mapper([RandomFlip()], metadata=metadata)
    with pytest.raises(InputError, match="it is not known which keypoints change places"):
        Mapper([RandomApply(augmentations=[RandomFlip()])], metadata=metadata)
    Mapper([RandomFlip(probability=0.0)], metadata=metadata)
    Mapper([RandomFlip()], metadata=metadata, annotated=False)
    Mapper([RandomFlip()], metadata=Metadata(keypoint_names=NAMES[:1]))
    Mapper([RandomFlip()], metadata=replace(metadata, no_flip_pairs=True))
    Mapper([RandomFlip()], metadata=replace(metadata, keypoint_flip_pairs=((0, 1),)))
