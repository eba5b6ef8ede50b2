"""Instances, annotations and segments: what ends up in the image."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch
from PIL import Image
from pycocotools import mask as coco_mask

from composer.structures import BitMasks, Boxes, Instances, Keypoints, PolygonMasks, RotatedBoxes
from composer.visualization import (
    ClassNames,
    draw_annotations,
    draw_instances,
    draw_panoptic,
    draw_semantic,
)
from composer.visualization.object_drawing import DrawnObject, Joint, draw_objects

SIZE = (120, 160)
SQUARE = [20.0, 40.0, 60.0, 40.0, 60.0, 80.0, 20.0, 80.0]


def image():
    return Image.new("RGB", SIZE[::-1], (100, 100, 100))


def changed(image):
    return (np.asarray(image) != 100).any(axis=2)


def square_mask():
    mask = np.zeros(SIZE, dtype=bool)
    mask[40:80, 20:60] = True
    return mask


def instances(**fields):
    return Instances(SIZE, **fields)


def draw(one, metadata=None, **options):
    return draw_instances(image(), one, metadata, scale=1, **options)


def test_no_instances_leave_the_image_as_it_is():
    for empty in (instances(), instances(pred_boxes=Boxes(torch.zeros(0, 4)))):
        assert not changed(draw(empty)).any()


@pytest.mark.parametrize(
    "masks",
    [
        torch.from_numpy(square_mask()[None]),
        BitMasks(square_mask()[None]),
        PolygonMasks([[SQUARE]]),
    ],
)
def test_masks_of_every_kind_tint_the_same_pixels(masks):
    found = changed(draw(instances(gt_masks=masks)))
    assert found[42:78, 22:58].all()
    assert not found[:36].any()


def test_masks_within_boxes_are_left_to_their_boxes():
    one = instances(
        pred_boxes=Boxes([[20.0, 40.0, 60.0, 80.0]]), pred_masks=torch.rand(1, 1, 28, 28)
    )
    assert not changed(draw(one))[50:70, 30:50].any()


def test_boxes_are_drawn_upright_and_rotated():
    upright = changed(draw(instances(pred_boxes=Boxes([[20.0, 40.0, 60.0, 80.0]]))))
    assert upright[60, 18:23].any()
    assert not upright[60, 25:55].any()
    box = RotatedBoxes([[80.0, 60.0, 60.0, 20.0, 90.0]])
    rotated = changed(draw(instances(pred_boxes=box)))
    assert rotated[60, 69:72].any()
    assert rotated[31, 80].any() or rotated[30, 80].any()


def test_predicted_keypoints_with_low_scores_are_left_out():
    keypoints = torch.tensor([[[30.0, 30.0, 0.9], [100.0, 90.0, 0.01]]])
    found = changed(draw(instances(pred_keypoints=keypoints)))
    assert found[30, 30]
    assert not found[80:100, 90:110].any()
    assert changed(draw(instances(pred_keypoints=keypoints), keypoint_threshold=0.0))[90, 100]


def test_keypoints_of_ground_truth_are_drawn_where_they_are_labelled():
    keypoints = Keypoints([[[30.0, 30.0, 1.0], [100.0, 90.0, 0.0], [60.0, 60.0, 2.0]]])
    found = changed(draw(instances(gt_keypoints=keypoints)))
    assert found[30, 30]
    assert found[60, 60]
    assert not found[80:100, 90:110].any()


def test_named_keypoints_are_connected():
    keypoints = torch.tensor([[[30.0, 30.0, 0.9], [100.0, 30.0, 0.9]]])
    one = instances(pred_keypoints=keypoints)
    assert not changed(draw(one))[30, 60]
    person = SimpleNamespace(keypoint_names=("left_hip", "right_hip"))
    assert changed(draw(one, person))[30, 60]


def test_an_image_of_another_size_is_refused():
    with pytest.raises(ValueError, match=r"image has 10 x 20 pixels.*belong to 120 x 160"):
        draw_instances(Image.new("RGB", (20, 10)), instances())


def test_one_class_has_a_color_for_each_object_and_several_share_hues():
    masks = torch.zeros(2, *SIZE, dtype=torch.bool)
    masks[0, 10:30, 10:30] = masks[1, 60:90, 60:90] = True

    def colors(classes, **options):
        one = instances(pred_masks=masks, pred_classes=torch.tensor(classes))
        image = draw(one, **options)
        return [np.array(image.getpixel(place)) - 100.0 for place in ((20, 20), (80, 70))]

    def angle(first, second):
        return first @ second / np.linalg.norm(first) / np.linalg.norm(second)

    assert angle(*colors([0, 0])) < 0.5
    assert angle(*colors([0, 0], color_by="class")) > 0.8
    assert angle(*colors([0, 1])) < 0.5


def test_a_small_object_is_drawn_upon_a_large_one_whatever_their_order():
    large = DrawnObject(0, mask=np.ones(SIZE, dtype=bool))
    small = DrawnObject(1, mask=square_mask())
    pictures = [
        draw_objects(image(), order, ClassNames(), color_by="class", scale=1)
        for order in ([large, small], [small, large])
    ]
    assert np.array_equal(*map(np.asarray, pictures))


def test_an_object_with_joints_only_has_an_extent():
    one = DrawnObject(0, joints=[Joint(3, 4), None, Joint(1, 9)])
    assert one.extent == (1, 4, 3, 9)
    assert DrawnObject(0).extent is None
    assert DrawnObject(0, mask=square_mask()).extent == (20, 40, 60, 80)


def annotation(**entries):
    usual = {
        "box": (20, 40, 60, 80),
        "category": 0,
        "segmentation": None,
        "keypoints": None,
        "is_crowd": False,
    }
    return SimpleNamespace(**{**usual, **entries})


def annotated(*annotations):
    return draw_annotations(image(), SimpleNamespace(annotations=annotations), scale=1)


@pytest.mark.parametrize(
    "segmentation",
    [
        [SQUARE],
        coco_mask.encode(np.asfortranarray(square_mask().astype(np.uint8))),
        {"size": [*SIZE], "counts": [20 * 120 + 40, *[40, 80] * 39, 40, 100 * 120 + 40]},
    ],
    ids=["polygons", "compressed", "uncompressed"],
)
def test_outlines_of_every_kind_tint_the_same_pixels(segmentation):
    found = changed(annotated(annotation(segmentation=segmentation)))
    assert found[42:78, 22:58].all()
    assert not found[90:].any()


@pytest.mark.parametrize("segmentation", [[], [[1.0, 2.0]], "?", {"size": [3, 3], "counts": b"1"}])
def test_an_outline_that_is_none_is_left_out(segmentation):
    assert not changed(annotated(annotation(segmentation=segmentation)))[50:70, 30:50].any()


def test_groups_are_drawn_less_strongly():
    one, group = (
        np.asarray(annotated(annotation(segmentation=[SQUARE], is_crowd=is_crowd)))[60, 40]
        for is_crowd in (False, True)
    )
    assert 0 < abs(group.astype(int) - 100).sum() < abs(one.astype(int) - 100).sum()


def test_annotated_keypoints_lie_in_the_middle_of_their_pixel():
    found = changed(annotated(annotation(keypoints=[100, 30, 2, 140, 90, 0])))
    assert found[30, 100]
    assert not found[80:100, 130:150].any()


def test_boxes_that_reach_out_of_the_image_are_drawn_as_far_as_they_are_inside():
    assert changed(annotated(annotation(box=(-50, 40, 900, 80)))).any()


def test_segments_of_models_and_of_datasets_are_drawn_alike():
    ids = np.zeros(SIZE, dtype=np.int64)
    ids[40:80, 20:60], ids[:30] = 5, 9
    of_model = [
        {"id": 5, "category_id": 0, "isthing": True},
        {"id": 9, "category_id": 2, "isthing": False},
    ]
    of_dataset = [
        SimpleNamespace(segment_id=5, category=0, is_thing=True),
        SimpleNamespace(segment_id=9, category=2, is_thing=False),
    ]
    first, second = (
        np.asarray(draw_panoptic(image(), map_, segments, scale=1))
        for map_, segments in ((torch.from_numpy(ids), of_model), (ids, of_dataset))
    )
    assert np.array_equal(first, second)
    assert changed(first)[42:78, 22:58].all()
    assert changed(first)[:30].all()
    assert not changed(first)[100:].any()


def test_scores_of_classes_and_classes_make_the_same_visualization():
    classes = torch.zeros(SIZE, dtype=torch.long)
    classes[60:] = 1
    scores = torch.stack([classes == 0, classes == 1]).float()
    names = SimpleNamespace(stuff_classes=("sky", "grass"))
    first, second = (
        np.asarray(draw_semantic(image(), one, names, scale=1)) for one in (classes, scores)
    )
    assert np.array_equal(first, second)
    assert tuple(first[1, 1]) != tuple(first[-1, 1])


def test_ignored_pixels_are_left_as_they_are():
    classes = torch.full(SIZE, 255)
    assert not changed(draw_semantic(image(), classes, scale=1)).any()


def test_a_segmentation_of_another_size_is_refused():
    with pytest.raises(ValueError, match="120 x 160 pixels, the segmentation 3 x 4"):
        draw_semantic(image(), torch.zeros(3, 4))


def colourful():
    return Image.new("RGB", SIZE[::-1], (200, 100, 0))


def grays(image):
    pixels = np.asarray(image)
    return (pixels[..., 0] == pixels[..., 1]) & (pixels[..., 1] == pixels[..., 2])


def test_gray_background_keeps_colours_in_masks():
    one = instances(pred_masks=torch.from_numpy(square_mask()[None]))
    drawn = draw_instances(colourful(), one, scale=1, background="gray")
    inner = np.zeros(SIZE, dtype=bool)
    inner[30:90, 10:70] = True  # with the line around the mask
    assert grays(drawn)[~inner].all()
    assert not grays(drawn)[square_mask()].any()


def test_gray_background_keeps_colours_in_boxes_without_a_mask():
    one = instances(pred_boxes=Boxes(torch.tensor([[20.0, 40, 60, 80]])))
    drawn = draw_instances(colourful(), one, scale=1, background="gray")
    assert np.asarray(drawn)[60, 40].tolist() == [200, 100, 0]
    assert grays(drawn)[:30].all()


def test_gray_background_keeps_colours_of_things_only():
    ids = torch.ones(SIZE, dtype=torch.int32)
    ids[40:80, 20:60] = 2
    segments = [
        {"id": 1, "category_id": 0, "isthing": False},
        {"id": 2, "category_id": 0, "isthing": True},
    ]
    plain = draw_panoptic(colourful(), ids, segments, scale=1)
    gray = draw_panoptic(colourful(), ids, segments, scale=1, background="gray")
    differs = (np.asarray(plain) != np.asarray(gray)).any(2)
    assert not differs[square_mask()].any()
    assert differs[:30].all()


def test_image_of_the_caller_is_not_changed():
    photo = colourful()
    draw_instances(photo, instances(pred_boxes=Boxes(torch.zeros(1, 4))), background="gray")
    assert np.asarray(photo)[0, 0].tolist() == [200, 100, 0]


def test_unknown_backgrounds_are_refused():
    with pytest.raises(ValueError, match="'color' or 'gray', not 'blue'"):
        draw(instances(pred_boxes=Boxes(torch.zeros(1, 4))), background="blue")
