"""Label Studio's JSON, and its COCO export."""

import json

import numpy as np
import pytest

from composer.data import count_faults, find_data, read_data_file
from composer.data.formats import recognise
from composer.data.readers.label_studio import label_studio
from composer.structures import decode_mask


def result(kind, **value):
    label = {kind: ["cat"]}
    return {"type": kind, "original_width": 40, "original_height": 20, "value": {**value, **label}}


RECTANGLE = result("rectanglelabels", x=10, y=15, width=50, height=50, rotation=0)


def task(*results, image="/data/upload/1/0a1b2c3d-a.png", **more):
    annotation = {"id": 5, "was_cancelled": False, "result": list(results)}
    return {"id": 7, "data": {"image": image}, "annotations": [annotation], **more}


def read(folder, *tasks):
    return label_studio(annotations=folder.write("project.json", json.dumps(tasks)))


@pytest.fixture
def images(folder):
    return folder.draw("media/a.png")


def test_numbers_are_percents_of_the_image(images):
    polygon = result("polygonlabels", points=[[10, 10], [20, 10], [15, 50]])
    ellipse = result("ellipselabels", x=50, y=50, radiusX=20, radiusY=20)
    dataset = read(images, task(RECTANGLE, polygon, ellipse))
    rectangle, outline, round_one = dataset[0].annotations
    assert rectangle.box == (4, 3, 24, 13)
    assert outline.segmentation == [[4, 2, 8, 2, 6, 10]]
    assert np.allclose(round_one.box, (12, 6, 28, 14))
    assert dataset[0].image_id == 7


def test_a_rectangle_is_turned_around_its_corner(images):
    turned = result("rectanglelabels", x=50, y=25, width=10, height=10, rotation=90)
    (annotation,) = read(images, task(turned))[0].annotations
    assert np.allclose(annotation.box, (18, 5, 20, 9))


@pytest.mark.parametrize(
    "image",
    [
        "/data/upload/1/0a1b2c3d-a.png",
        "/data/local-files/?d=set/media/a.png",
        "https://example.com/some/media/a.png?key=1",
        "media/a.png",
    ],
)
def test_images_are_found_by_the_end_of_their_address(images, image):
    dataset = read(images, task(RECTANGLE, image=image))
    assert (dataset[0].file_name, dataset.faults) == (images / "media/a.png", ())


def test_the_first_annotation_that_was_not_skipped_counts(images):
    own = task(RECTANGLE)
    own["annotations"].insert(0, {"was_cancelled": True, "result": []})
    own["annotations"].append({"was_cancelled": False, "result": [RECTANGLE]})
    dataset = read(images, own)
    assert dataset.num_annotations == 1
    (fault,) = dataset.faults
    assert (fault.kind, fault.image) == ("duplicate_id", "a.png")
    assert fault.message == "the task has 2 annotations; the first counts"


def test_the_short_form_is_read_too(images):
    short = {"image": "a.png", "id": 3, "label": [{**RECTANGLE["value"], "original_width": 40}]}
    images.write("short.json", json.dumps([short]))
    assert recognise(images.path).reader == "label_studio"
    (dataset,) = read_data_file(find_data(images.path)).datasets.values()
    assert dataset.open("x")[0].annotations[0].box == (4, 3, 24, 13)


@pytest.mark.parametrize(
    ("wrong", "kind"),
    [
        (result("brushlabels", format="rle", rle=[0, 1]), "bad_mask"),
        (result("keypointlabels", x=1, y=1, width=0.5), "no_object"),
        (result("rectanglelabels", x=1, y=1, width=None, height=3), "malformed"),
        ({**RECTANGLE, "value": {**RECTANGLE["value"], "rectanglelabels": []}}, "unknown_category"),
    ],
)
def test_a_result_that_cannot_be_used_is_left_out(images, wrong, kind):
    dataset = read(images, task(RECTANGLE, wrong))
    assert count_faults(dataset.faults) == {kind: 1}
    assert dataset.num_annotations == 1


def test_a_result_with_several_labels_is_told(images):
    several = {**RECTANGLE, "value": {**RECTANGLE["value"], "rectanglelabels": ["cat", "dog"]}}
    dataset = read(images, task(RECTANGLE, several))
    assert dataset.num_annotations == 1
    assert "several labels, cat, dog" in dataset.faults[0].message


def pack(opacity):
    """The bytes of a painted mask as Label Studio writes them: runs and single values by turns."""
    values = np.zeros((*opacity.shape, 4), dtype=np.uint8)
    values[..., 3] = opacity
    flat = values.ravel().tolist()
    bits = f"{len(flat):032b}{7:05b}" + "".join(f"{size - 1:04b}" for size in (3, 4, 8, 16))
    at = 0
    while at < len(flat):
        run = next((n for n in range(len(flat) - at) if flat[at + n] != flat[at]), len(flat) - at)
        if run > 3:
            run = min(run, 256)
            bits += f"1{2:02b}{run - 1:08b}{flat[at]:08b}"
        else:
            run = min(4, len(flat) - at)
            bits += f"0{0:02b}{run - 1:03b}" + "".join(f"{v:08b}" for v in flat[at : at + run])
        at += run
    bits += "0" * (-len(bits) % 8)
    return [int(bits[i : i + 8], 2) for i in range(0, len(bits), 8)]


def test_what_is_painted_is_a_mask(images):
    opacity = np.zeros((20, 40), dtype=np.uint8)
    opacity[3:9, 5:30], opacity[4, 40 - 1] = 255, 129
    painted = result("brushlabels", format="rle", rle=pack(opacity))
    dataset = read(images, task(RECTANGLE, painted))
    annotation = dataset[0].annotations[1]
    assert annotation.box == (5, 3, 40, 9)
    assert np.array_equal(decode_mask(annotation.segmentation), opacity > 0)
    assert count_faults(dataset.faults) == {"no_mask": 1}  # of the rectangle


def test_masks_that_are_torn_empty_or_of_another_image_are_told(images):
    whole = pack(np.full((20, 40), 255, dtype=np.uint8))
    for rle in (whole[:-5], pack(np.zeros((20, 40))), pack(np.ones((2, 2))), "a", [300], None):
        dataset = read(images, task(result("brushlabels", format="rle", rle=rle)))
        assert count_faults(dataset.faults) == {"bad_mask": 1}
        assert not dataset.num_annotations
