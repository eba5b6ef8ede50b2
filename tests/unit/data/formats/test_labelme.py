"""labelme's JSON files."""

import base64
import io
import json

import numpy as np
import pytest
from PIL import Image

from composer.data import count_faults, find_data, read_data_file
from composer.data.formats import recognise
from composer.data.readers.labelme import labelme
from composer.images import open_image
from composer.structures import decode_mask


def shape(label, points, kind="polygon", group=None, **more):
    common = {"label": label, "points": points, "group_id": group, "shape_type": kind, "flags": {}}
    return {**common, **more}


def document(*shapes, image="a.png", data=None):
    return json.dumps(
        {
            "version": "5.4.1",
            "flags": {},
            "shapes": list(shapes),
            "imagePath": image,
            "imageData": data,
            "imageHeight": 20,
            "imageWidth": 40,
        }
    )


BOX = shape("cat", [[30, 15], [10.5, 5]], "rectangle")
OUTLINE = shape("dog", [[1, 2], [9, 2], [5, 10]])


def read(folder, *shapes):
    folder.draw("a.png").write("a.json", document(*shapes))
    return labelme(folder=folder.path)


def test_rectangles_are_boxes_and_polygons_outlines(folder):
    dataset = read(folder, BOX, OUTLINE)
    cat, dog = dataset[0].annotations
    assert (cat.box, cat.segmentation) == ((10.5, 5, 30, 15), None)
    assert (dog.box, dog.segmentation) == ((1, 2, 9, 10), [[1, 2, 9, 2, 5, 10]])
    assert dataset.metadata.thing_classes == ("cat", "dog")
    assert count_faults(dataset.faults) == {"no_mask": 1}


def test_a_circle_is_a_centre_and_a_point_of_its_edge(folder):
    (circle,) = read(folder, shape("cat", [[20, 10], [24, 13]], "circle"))[0].annotations
    assert circle.box == (15, 5, 25, 15)
    points = np.reshape(circle.segmentation[0], (-1, 2))
    assert np.allclose(np.hypot(*(points - (20, 10)).T), 5)


def test_shapes_of_one_group_are_one_object(folder):
    other = shape("dog", [[20, 2], [29, 2], [25, 10]], group=1)
    first = {**OUTLINE, "group_id": 1}
    (dog,) = read(folder, first, other)[0].annotations
    assert (dog.box, len(dog.segmentation)) == ((1, 2, 29, 10), 2)


def test_points_of_the_group_of_an_object_are_its_keypoints(folder):
    points = [
        shape("left_eye", [[12, 7]], "point", 3),
        shape("right_eye", [[20, 7]], "point", 3),
    ]
    plain = shape("cat", [[1, 1], [5, 5]], "rectangle", 4)
    dataset = read(folder, {**BOX, "group_id": 3}, *points, plain)
    assert dataset.metadata.keypoint_names == ("left_eye", "right_eye")
    assert not dataset.metadata.can_be_mirrored  # names are a suggestion, and no more
    named = labelme(folder=folder.path, keypoint_flip_pairs=[("left_eye", "right_eye")])
    assert named.metadata.keypoint_flip_pairs == ((0, 1),)
    assert [a.keypoints for a in dataset[0].annotations] == [[12, 7, 2, 20, 7, 2], None]


def test_masks_are_pixels_behind_a_corner(folder):
    pixels = np.array([[255, 0], [255, 255]], dtype=np.uint8)
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, "PNG")
    mask = base64.b64encode(stream.getvalue()).decode()
    (cat,) = read(folder, shape("cat", [[7, 3], [8, 4]], "mask", mask=mask))[0].annotations
    assert cat.box == (7, 3, 9, 5)
    assert np.array_equal(decode_mask(cat.segmentation)[3:5, 7:9], pixels > 0)


@pytest.mark.parametrize(
    ("wrong", "kind"),
    [
        (shape("cat", [[1, 1], [5, 5]], "line"), "no_object"),
        (shape("eye", [[1, 1]], "point"), "no_object"),
        (shape("eye", [[1, 1]], "point", 9), "no_object"),
        (shape(None, [[1, 1], [9, 9]], "rectangle"), "unknown_category"),
        (shape("cat", [[1, 1], [5, 5]]), "empty_polygon"),
        (shape("cat", "none"), "malformed"),
        (shape("cat", [[1, 1], [5, None], [3, 3]]), "malformed"),
        (shape("cat", [[1, 1], [1, 5]], "rectangle"), "box_degenerate"),
        (shape("cat", [[1, 1], [2, 2]], "mask", mask="no png"), "bad_mask"),
        (shape("cat", [[50, 1], [60, 9]], "rectangle"), "box_outside"),
        (shape("cat", [[1, 1], [2, 2]], "star"), "malformed"),
        ("cat", "malformed"),
    ],
)
def test_a_shape_that_cannot_be_used_is_left_out(folder, wrong, kind):
    dataset = read(folder, wrong, {**BOX, "label": "dog"})
    assert count_faults(dataset.faults) == {kind: 1}
    assert len(dataset[0].annotations) == 1


def test_images_are_found_where_the_path_is_of_another_machine(folder):
    folder.draw("img/b.png").write("ann/b.json", document(BOX, image="..\\old\\img\\b.png"))
    folder.write("ann/c.json", document(BOX, image="gone.png", data="aGVsbG8="))
    dataset = labelme(folder=folder.path)
    assert [record.file_name for record in dataset] == [folder / "img/b.png"]
    (fault,) = dataset.faults
    assert fault.kind == "unreadable_image"


def test_folders_of_splits_have_the_same_classes(folder):
    folder.draw("train/a.png", "val/b.png")
    folder.write("train/a.json", document(OUTLINE))
    folder.write("val/b.json", document(BOX, image="b.png"))
    found = recognise(folder.path)
    assert (found.title, found.splits) == ("labelme", ("train", "val"))
    datasets = read_data_file(find_data(folder.path)).datasets
    opened = [datasets[name].open(name) for name in ("train", "val")]
    assert [one.metadata.thing_classes for one in opened] == [("cat", "dog")] * 2
    assert [len(one) for one in opened] == [1, 1]


def test_labels_txt_orders_the_classes(folder):
    folder.write("labels.txt", "__ignore__\n_background_\ndog\ncat\nbird\n")
    assert read(folder, BOX).metadata.thing_classes == ("dog", "cat", "bird")


@pytest.mark.parametrize("label", [None, "", " ", True, ["cat"]])
def test_a_shape_without_a_name_is_no_class(folder, label):
    dataset = read(folder, BOX, shape(label, [[1, 2], [9, 2], [5, 10]]))
    assert dataset.metadata.thing_classes == ("cat",)
    assert count_faults(dataset.faults) == {"unknown_category": 1}
    assert "shape 1: the 'label' of a shape is a name" in dataset.faults[0].message


def test_a_circle_beyond_all_images_is_told(folder):
    dataset = read(folder, BOX, shape("cat", [[5, 5], [1e300, 5]], "circle"))
    assert dataset[0].annotations
    assert dataset.faults


def test_a_number_is_a_name(folder):
    assert read(folder, shape(7, [[1, 2], [9, 9]], "rectangle")).metadata.thing_classes == ("7",)


def test_the_copy_in_the_file_is_read_where_the_image_is_missing(folder):
    buffer = io.BytesIO()
    Image.new("RGB", (40, 20), (9, 200, 7)).save(buffer, "PNG")
    copy = base64.b64encode(buffer.getvalue()).decode()
    folder.write("one.json", document(BOX, image="gone.png", data=copy))
    for _ in range(2):  # written once, then found
        (dataset,) = read_data_file(find_data(folder.path)).datasets.values()
        record = dataset.open("x")[0]
        assert (record.file_name.name, record.image_id) == ("one.png", "one")
        assert open_image(record.file_name).getpixel((3, 3)) == (9, 200, 7)
        assert not record.file_name.is_relative_to(folder.path)


@pytest.mark.parametrize("data", ["AAAA", "===", 7, ["a"]])
def test_a_copy_that_is_no_image_is_told(folder, data):
    folder.write("one.json", document(BOX, image="gone.png", data=data))
    (fault,) = labelme(folder=folder.path).faults
    assert fault.kind in ("malformed", "unreadable_image")
