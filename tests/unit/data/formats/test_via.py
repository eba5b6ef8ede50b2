"""The VGG Image Annotator's files."""

import json
import math

import numpy as np
import pytest

from composer.data import count_faults, find_data, read_data_file
from composer.data.formats import recognise
from composer.data.readers.via import via
from composer.errors import DataError

RECT = {"name": "rect", "x": 4, "y": 3, "width": 20, "height": 10}
POLYGON = {"name": "polygon", "all_points_x": [1, 9, 5], "all_points_y": [2, 2, 10]}
CIRCLE = {"name": "circle", "cx": 20, "cy": 10, "r": 5}
ELLIPSE = {"name": "ellipse", "cx": 20, "cy": 10, "rx": 8, "ry": 4, "theta": math.pi / 2}


def region(shape, **attributes):
    return {"shape_attributes": shape, "region_attributes": attributes}


def entry(*regions, name="a.png", size=123):
    own = {"filename": name, "size": size, "regions": list(regions), "file_attributes": {}}
    return {f"{name}{size}": own}


@pytest.fixture
def images(folder):
    return folder.draw("a.png", "b.png")


def read(folder, *regions, **options):
    return via(annotations=folder.write("via.json", json.dumps(entry(*regions))), **options)


def test_shapes_have_boxes_and_outlines(images):
    dataset = read(
        images,
        region(RECT, kind="cat"),
        region(POLYGON, kind="dog"),
        region(CIRCLE, kind="dog"),
        region(ELLIPSE, kind="dog"),
    )
    rect, polygon, circle, ellipse = dataset[0].annotations
    assert (rect.box, rect.segmentation) == ((4, 3, 24, 13), None)
    assert (polygon.box, polygon.segmentation) == ((1, 2, 9, 10), [[1, 2, 9, 2, 5, 10]])
    assert circle.box == (15, 5, 25, 15)
    assert np.allclose(ellipse.box, (16, 2, 24, 18))  # turned by a right angle
    assert dataset.metadata.thing_classes == ("cat", "dog")
    assert count_faults(dataset.faults) == {"no_mask": 1}


def test_a_project_names_the_folder_of_its_images(folder):
    folder.draw("pictures/a.png")
    project = {
        "_via_settings": {"core": {"default_filepath": "./pictures/"}},
        "_via_img_metadata": entry(region(RECT, type="cat")),
        "_via_attributes": {"region": {}, "file": {}},
    }
    folder.write("project.json", json.dumps(project))
    found = recognise(folder.path)
    assert (found.reader, found.evidence) == ("via", "project.json")
    (dataset,) = read_data_file(find_data(folder.path)).datasets.values()
    assert dataset.open("x")[0].file_name == (folder / "pictures/a.png").resolve()


def test_regions_of_version_1_are_a_mapping(images):
    old = entry()
    old["a.png123"]["regions"] = {"0": region(RECT, name="cat")}
    file = images.write("via.json", json.dumps(old))
    assert via(annotations=file).num_annotations == 1


CSV = (
    "filename,file_size,file_attributes,region_count,region_id,region_shape_attributes,"
    "region_attributes\n"
    'a.png,123,"{}",2,0,"{""name"":""rect"",""x"":4,""y"":3,""width"":20,""height"":10}",'
    '"{""name"":""cat""}"\n'
    'a.png,123,"{}",2,1,"{""name"":""polygon"",""all_points_x"":[1,9,5],'
    '""all_points_y"":[2,2,10]}","{""name"":""dog""}"\n'
    'b.png,99,"{}",0,0,"{}","{}"\n'
)


@pytest.mark.parametrize("mark", ["", "#"])
def test_a_table_has_a_row_a_region(images, mark):
    images.write("via.csv", mark + CSV)
    assert recognise(images.path).reader == "via"
    (dataset,) = read_data_file(find_data(images / "via.csv")).datasets.values()
    opened = dataset.open("x")
    assert [len(record.annotations) for record in opened] == [2, 0]
    assert opened.metadata.thing_classes == ("cat", "dog")
    assert opened[0].annotations[0].box == (4, 3, 24, 13)


def test_the_class_is_the_attribute_with_a_usual_name_or_the_named_one(images):
    regions = [region(RECT, color="red", type="cat"), region(CIRCLE, color="blue", type="dog")]
    assert read(images, *regions).metadata.thing_classes == ("cat", "dog")
    chosen = read(images, *regions, attribute="color")
    assert chosen.metadata.thing_classes == ("blue", "red")
    with pytest.raises(DataError, match="attributes color, size; the option 'attribute'"):
        read(images, region(RECT, color="red", size="big"))


def test_boxes_that_are_ticked_are_classes(images):
    ticked = region(RECT, type={"cat": False, "dog": True})
    assert read(images, ticked).metadata.thing_classes == ("dog",)


def test_regions_without_attributes_are_of_one_class_which_is_told(images):
    dataset = read(images, region(RECT))
    assert dataset.metadata.thing_classes == ("object",)
    assert count_faults(dataset.faults) == {"unnamed_category": 1}
    assert read(images, region(RECT), classes=("balloon",)).num_annotations == 1
    assert not read(images, region(RECT), classes=("balloon",)).faults


@pytest.mark.parametrize(
    ("wrong", "kind"),
    [
        (region({"name": "point", "cx": 1, "cy": 1}, type="cat"), "no_object"),
        (region({**RECT, "width": None}, type="cat"), "malformed"),
        (region({**RECT, "width": 0}, type="cat"), "box_degenerate"),
        (region({**POLYGON, "all_points_x": [1, 2]}, type="cat"), "malformed"),
        (region({**CIRCLE, "r": -1}, type="cat"), "malformed"),
        (region(RECT, type=""), "unknown_category"),
    ],
)
def test_a_region_that_cannot_be_used_is_left_out(images, wrong, kind):
    dataset = read(images, region(RECT, type="dog"), wrong)
    assert count_faults(dataset.faults) == {kind: 1}
    assert dataset.num_annotations == 1


def test_files_of_splits_have_the_same_classes(folder):
    for split, label in (("train", "cat"), ("val", "dog")):
        folder.draw(f"{split}/a.png")
        regions = entry(region(RECT, type=label))
        folder.write(f"{split}/via_region_data.json", json.dumps(regions))
    assert recognise(folder.path).splits == ("train", "val")
    datasets = read_data_file(find_data(folder.path)).datasets
    for name in ("train", "val"):
        assert datasets[name].open(name).metadata.thing_classes == ("cat", "dog")


@pytest.mark.parametrize(
    ("ticked", "told"),
    [
        ({"cat": True, "dog": True}, "several classes, cat, dog"),
        ({"cat": "false", "dog": False}, "has no class"),
    ],
)
def test_a_region_with_several_classes_or_none_is_told(images, ticked, told):
    dataset = read(images, region(RECT, type={"cat": True}), region(RECT, type=ticked))
    assert [len(record.annotations) for record in dataset] == [1]
    assert told in dataset.faults[0].message


def file_of_via3(name, kind=2):
    return {"fid": 1, "fname": name, "type": kind, "loc": 1, "src": ""}


def region_of_via3(view, *shape, **attributes):
    return {"vid": view, "flg": 0, "z": [], "xy": list(shape), "av": attributes}


PROJECT_OF_VIA3 = {
    "project": {"pid": "1", "rev": "1", "data_format_version": "3.1.1", "vid_list": ["1", "2"]},
    "config": {"file": {"loc_prefix": {"1": ""}}},
    "attribute": {
        "1": {
            "aname": "type",
            "anchor_id": "FILE1_Z0_XY1",
            "type": 4,
            "options": {"c": "cat", "d": "dog"},
        },
        "2": {"aname": "note", "anchor_id": "FILE1_Z0_XY1", "type": 1, "options": {}},
    },
    "file": {"1": file_of_via3("a.png"), "2": file_of_via3("b.png")},
    "view": {"1": {"fid_list": ["1"]}, "2": {"fid_list": [2]}},
    "metadata": {
        "1_a": region_of_via3("1", 2, 4, 3, 20, 10, **{"1": "c", "2": "small"}),
        "1_b": region_of_via3("1", 7, 1, 2, 9, 2, 5, 10, **{"1": "d"}),
        "1_c": region_of_via3("1", 3, 20, 10, 5, **{"1": "d"}),
        "2_d": region_of_via3("2", 4, 20, 10, 8, 4, **{"1": "c"}),
        "2_e": region_of_via3("2", 1, 20, 10, **{"1": "c"}),
        "2_f": region_of_via3("2", **{"2": "of the whole file"}),
    },
}


def test_a_project_of_version_3_is_read_by_its_ids(images):
    images.write("via.json", json.dumps(PROJECT_OF_VIA3))
    assert recognise(images.path).reader == "via"
    (dataset,) = read_data_file(find_data(images / "via.json")).datasets.values()
    first, second = dataset.open("x")
    rect, polygon, circle = first.annotations
    assert (rect.box, rect.segmentation) == ((4, 3, 24, 13), None)
    assert polygon.segmentation == [[1, 2, 9, 2, 5, 10]]
    assert circle.box == (15, 5, 25, 15)
    assert np.allclose(second.annotations[0].box, (12, 6, 28, 14))
    opened = dataset.open("x")
    assert opened.metadata.thing_classes == ("cat", "dog")
    assert [one.category for one in first.annotations] == [0, 1, 1]
    assert count_faults(opened.faults) == {"no_mask": 1, "no_object": 1}


@pytest.mark.parametrize(
    ("part", "key", "value", "message"),
    [
        ("metadata", "1_a", region_of_via3("9", 2, 4, 3, 20, 10), "there is no view '9'"),
        ("metadata", "1_a", {"vid": "1", "xy": "2,4", "av": {}}, "'xy' is a list, not '2,4'"),
        ("metadata", "1_a", region_of_via3("1", 2, 4, 3, **{"1": "c"}), "'rect' has the numbers"),
        ("metadata", "1_a", region_of_via3("1", 8, 4, 3, **{"1": "c"}), "no shape 'number 8'"),
        ("metadata", "1_a", region_of_via3("1", [2], 4, **{"1": "c"}), "there is no shape"),
        ("view", "2", {"fid_list": ["1", "2"]}, "a view of 2 files; one was expected"),
        ("view", "2", {"fid_list": ["7"]}, "a view of no file; an image was expected"),
        ("file", "2", file_of_via3("b.mp4", kind=4), "a view of a video; an image was expected"),
    ],
)
def test_odd_entries_of_version_3_are_told_and_the_rest_is_read(images, part, key, value, message):
    project = {**PROJECT_OF_VIA3, part: {**PROJECT_OF_VIA3[part], key: value}}
    dataset = via(annotations=images.write("via.json", json.dumps(project)))
    assert dataset.num_annotations >= 3
    assert message in "\n".join(fault.message for fault in dataset.faults)
