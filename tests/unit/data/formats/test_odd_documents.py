"""Documents that a tool does not write: what is wrong is told, and the rest is read."""

import json

import pytest

from composer.data import count_faults, find_data, read_data_file
from composer.data.formats import recognise

LONG = "x" * 300 + ".png"  # longer than a name of a file can be
SHAPE = {"label": "cat", "shape_type": "rectangle", "points": [[4, 3], [24, 13]]}
RECT = {"name": "rect", "x": 4, "y": 3, "width": 20, "height": 10}
BOX = {"x": 14, "y": 8, "width": 20, "height": 10}
PERCENTS = {"x": 10, "y": 15, "width": 50, "height": 50, "rectanglelabels": ["cat"]}


def make_labelme(name, *more, **values):
    return json.dumps({"imagePath": name, "shapes": [{**SHAPE, **values}, *more]})


def make_via(name, *more):
    region = {"shape_attributes": RECT, "region_attributes": {"class": "cat"}}
    return json.dumps({f"{name}1": {"filename": name, "regions": [region, *more]}})


def make_cvat(name, *more, label="cat"):
    box = f'<box label="{label}" xtl="4" ytl="3" xbr="24" ybr="13"/>'
    image = f'<image id="0" name="{name}" width="40" height="20">{box}{"".join(more)}</image>'
    labels = "<meta><task><labels><label><name>cat</name></label></labels></task></meta>"
    return f"<annotations>{labels}{image}</annotations>"


def make_voc(name):
    sides = "<xmin>5</xmin><ymin>4</ymin><xmax>24</xmax><ymax>13</ymax>"
    cat = f"<object><name>cat</name><bndbox>{sides}</bndbox></object>"
    return f"<annotation><filename>{name}</filename>{cat}</annotation>"


def make_task(name, number=1):
    result = {"type": "rectanglelabels", "value": PERCENTS}
    return {"id": number, "data": {"image": name}, "annotations": [{"result": [result]}]}


def make_entry(name):
    return {"image": name, "annotations": [{"label": "cat", "coordinates": BOX}]}


def make_line(name):
    objects = {"bbox": [[4, 3, 20, 10]], "categories": ["cat"]}
    return json.dumps({"file_name": name, "objects": objects})


FILES = {
    "labelme": ("{}.json", make_labelme),
    "via": ("via.json", make_via),
    "cvat": ("annotations.xml", make_cvat),
    "voc": ("{}.xml", make_voc),
    "csv": (
        "boxes.csv",
        lambda name: f"filename,xmin,ymin,xmax,ymax,class\n{name},4,3,24,13,cat\n",
    ),
    "label studio": ("export.json", lambda name: json.dumps([make_task(name)])),
    "createml": ("boxes.json", lambda name: json.dumps([make_entry(name)])),
    "hugging face": ("metadata.jsonl", make_line),
}


def open_folder(folder):
    (dataset,) = read_data_file(find_data(folder.path)).datasets.values()
    return dataset.open("x")


@pytest.mark.parametrize("form", FILES)
def test_a_name_that_is_too_long_is_a_missing_file(folder, form):
    folder.draw("a.png")
    name, make = FILES[form]
    folder.write(name.format("b"), make(LONG))
    (document,) = read_data_file(find_data(folder.path)).datasets.values()
    dataset = document.read("x")
    assert count_faults(dataset.faults) == {"missing_file": 1}
    assert not dataset.records


@pytest.mark.parametrize("line", [LONG, "images/" + LONG])
def test_a_list_of_yolo_may_have_any_line(folder, line):
    folder.draw("images/a.png").write("labels/a.txt", "0 0.35 0.4 0.5 0.5")
    folder.write("train.txt", f"images/a.png\n{line}\n")
    folder.write("data.yaml", f"train: train.txt\nval: {LONG}\nnames: [cat]\n")
    dataset = open_folder(folder)
    assert [record.file_name.name for record in dataset] == ["a.png"]
    assert [fault.kind for fault in dataset.faults] == ["unreadable_image"]


def test_two_tasks_of_one_id_are_two_images(folder):
    folder.draw("a.png", "b.png")
    folder.write("export.json", json.dumps([make_task("a.png"), make_task("b.png")]))
    dataset = open_folder(folder)
    assert [(r.file_name.name, len(r.annotations)) for r in dataset] == [("a.png", 1), ("b.png", 1)]
    (fault,) = dataset.faults
    assert fault.kind == "duplicate_id"
    assert str(fault) == "b.png: a.png has the id 1, too; this one is called by its path"


@pytest.mark.parametrize("odd", [5, None, [1]])
def test_tasks_behind_the_first_ones_are_read_as_carefully(folder, odd):
    folder.draw("a.png")
    tasks = [make_task("a.png", number) for number in range(3)]
    folder.write("export.json", json.dumps([*tasks, odd]))
    assert "malformed" in count_faults(open_folder(folder).faults)


@pytest.mark.parametrize("odd", [5, {"image": "a.png"}, {"image": "a.png", "annotations": 5}])
def test_entries_of_createml_behind_the_first_ones_are_read_as_carefully(folder, odd):
    names = [f"{number}.png" for number in range(20)]
    folder.draw(*names, "a.png")
    folder.write("boxes.json", json.dumps([*map(make_entry, names), odd]))
    dataset = open_folder(folder)
    assert count_faults(dataset.faults) == {"malformed": 1}
    assert dataset.num_annotations == 20


@pytest.mark.parametrize("group", [[1], {"a": 1}, True, 1.5])
def test_a_group_of_labelme_is_a_number_or_a_text(folder, group):
    folder.draw("a.png").write("a.json", make_labelme("a.png", SHAPE, group_id=group))
    dataset = open_folder(folder)
    assert count_faults(dataset.faults) == {"malformed": 1}
    assert dataset.num_annotations == 1


def test_an_empty_group_of_labelme_is_none(folder):
    other = {**SHAPE, "group_id": "", "points": [[1, 1], [9, 9]]}
    folder.draw("a.png").write("a.json", make_labelme("a.png", other, group_id=""))
    assert open_folder(folder).num_annotations == 2


@pytest.mark.parametrize("images", [[], 5, "a.png"])
def test_images_of_a_project_of_via_are_a_mapping(folder, images):
    folder.draw("a.png").write("via.json", json.dumps({"_via_img_metadata": images}))
    assert recognise(folder.path).unread == ("via.json",)


@pytest.mark.parametrize(
    ("regions", "objects"),
    [(5, 0), ("abc", 0), ([5], 0), ([None, {"shape_attributes": RECT}], 1)],
)
def test_regions_of_via_that_are_none_are_told(folder, regions, objects):
    image = {"filename": "a.png", "regions": regions}
    folder.draw("a.png").write("via.json", json.dumps({"a.png1": image}))
    dataset = open_folder(folder)
    assert count_faults(dataset.faults)["malformed"] == 1
    assert dataset.num_annotations == objects


def test_an_image_of_via_that_is_none_is_told(folder):
    known = json.loads(make_via("a.png"))
    more = {f"{number}": {"filename": "a.png", "regions": []} for number in range(3)}
    folder.draw("a.png").write("via.json", json.dumps({**known, **more, "odd": 5}))
    assert count_faults(open_folder(folder).faults) == {"malformed": 1}


@pytest.mark.parametrize("theta", ["0.5", True, [1], 10**400])
def test_an_angle_of_via_is_a_number(folder, theta):
    ellipse = {"name": "ellipse", "cx": 20, "cy": 10, "rx": 9, "ry": 4, "theta": theta}
    region = {"shape_attributes": ellipse, "region_attributes": {"class": "cat"}}
    folder.draw("a.png").write("via.json", make_via("a.png", region))
    assert count_faults(open_folder(folder).faults) == {"malformed": 1}


def test_a_project_of_via_may_name_a_folder_of_another_machine(folder):
    document = {
        "_via_settings": {"core": {"default_filepath": "/photographs/somebody/pictures/"}},
        "_via_img_metadata": json.loads(make_via("a.png")),
    }
    folder.draw("a.png").write("via.json", json.dumps(document))
    assert open_folder(folder).num_annotations == 1


@pytest.mark.parametrize(
    "sides",
    ['width="-1" height="-1" rle="1"', 'width="-2" height="-3" rle="6"', 'width="1.5" height="2"'],
)
def test_a_mask_of_cvat_has_a_size(folder, sides):
    mask = f'<mask label="cat" left="5" top="5" {sides}/>'
    folder.draw("a.png").write("annotations.xml", make_cvat("a.png", mask))
    dataset = open_folder(folder)
    assert count_faults(dataset.faults) == {"bad_mask": 1}
    assert dataset.num_annotations == 1


def test_spaces_around_a_label_of_cvat_do_not_matter(folder):
    folder.draw("a.png").write("annotations.xml", make_cvat("a.png", label=" cat "))
    assert not open_folder(folder).faults


def test_a_label_of_another_case_is_hinted_at(folder):
    folder.draw("a.png").write("annotations.xml", make_cvat("a.png", label="Cat"))
    (fault,) = open_folder(folder).faults
    assert fault.message == "there is no class 'Cat'. Did you mean 'cat'?"


def test_folders_tell_images_of_one_name_apart(folder):
    folder.draw("images/left/a.png").draw("images/Right/a.png", "images/a.png", size=(60, 30))
    other = make_cvat("right/a.png").partition("<image")[2].partition("</annotations>")[0]
    text = make_cvat("left/a.png").replace("</annotations>", f"<image{other}</annotations>")
    folder.write("annotations.xml", text)
    (document,) = read_data_file(find_data(folder.path)).datasets.values()
    found = document.read("x")
    assert [record.file_name.parent.name for record in found] == ["left", "Right"]


def test_corners_of_x_anylabeling_are_an_outline(folder):
    corners = [[4, 3], [24, 3], [24, 13], [4, 13]]
    text = make_labelme("a.png", shape_type="rotation", points=corners)
    folder.draw("a.png").write("a.json", text)
    (annotation,) = open_folder(folder)[0].annotations
    assert annotation.box == (4, 3, 24, 13)
    assert annotation.segmentation == [[4, 3, 24, 3, 24, 13, 4, 13]]


@pytest.mark.parametrize(
    ("labels", "names"),
    [
        (["1.0", "2.0", ""], ("1", "2")),
        (["10", "9.0", "1."], ("1", "9", "10")),
        (["1.5", "2.0"], ("1.5", "2.0")),
        (["1.0", "cat"], ("1.0", "cat")),
    ],
)
def test_numbers_of_classes_in_a_table_may_have_a_point(folder, labels, names):
    boxes = ("4,3,24,13" if label else ",,," for label in labels)
    rows = [f"a.png,{box},{label}" for label, box in zip(labels, boxes, strict=True)]
    folder.draw("a.png")
    folder.write("boxes.csv", "\n".join(["filename,xmin,ymin,xmax,ymax,class", *rows]))
    dataset = open_folder(folder)
    assert dataset.metadata.thing_classes == names
    assert not dataset.faults


def test_a_row_without_an_image_is_named(folder):
    folder.draw("a.png")
    text = "filename,xmin,ymin,xmax,ymax,class\na.png,4,3,24,13,cat\n,4,3,24,13,cat\n"
    folder.write("boxes.csv", text)
    assert [str(fault) for fault in open_folder(folder).faults] == ["row 3: the row names no image"]


def test_a_task_without_an_image_is_named(folder):
    folder.draw("a.png")
    tasks = [make_task("a.png", number) for number in range(3)]
    folder.write("export.json", json.dumps([*tasks, {"id": 4, "annotations": []}]))
    faults = [str(fault) for fault in open_folder(folder).faults]
    assert "task 3: the image has no file name" in faults


@pytest.mark.parametrize(
    ("written", "is_crowd"),
    [("TRUE", True), ("1.0", True), ("Yes", True), ("FALSE", False), ("0.0", False), ("", False)],
)
def test_a_truth_in_a_table_is_written_in_many_ways(folder, written, is_crowd):
    header = "filename,xmin,ymin,xmax,ymax,class,iscrowd"
    folder.draw("a.png").write("boxes.csv", f"{header}\na.png,4,3,24,13,cat,{written}\n")
    dataset = open_folder(folder)
    assert not dataset.faults
    assert dataset[0].annotations[0].is_crowd is is_crowd


@pytest.mark.parametrize("written", ["2", "maybe", "-1"])
def test_what_is_no_truth_in_a_table_is_told(folder, written):
    header = "filename,xmin,ymin,xmax,ymax,class,difficult"
    folder.draw("a.png").write("boxes.csv", f"{header}\na.png,4,3,24,13,cat,{written}\n")
    dataset = open_folder(folder)
    assert count_faults(dataset.faults) == {"malformed": 1}
    assert not dataset[0].annotations[0].is_difficult


def test_a_number_among_names_is_a_name(folder):
    objects = {"bbox": [[4, 3, 20, 10], [5, 4, 9, 9]], "categories": ["cat", 1]}
    folder.draw("a.png")
    folder.write("metadata.jsonl", json.dumps({"file_name": "a.png", "objects": objects}))
    dataset = open_folder(folder)
    names = [dataset.metadata.thing_classes[one.category] for one in dataset[0].annotations]
    assert names == ["cat", "1"]


def test_an_image_elsewhere_is_called_by_its_path(folder, tmp_path):
    elsewhere = tmp_path / "elsewhere" / "b.png"
    folder.draw("a.png")
    elsewhere.parent.mkdir()
    (folder / "a.png").rename(elsewhere)
    folder.write("metadata.jsonl", make_line(str(elsewhere)))
    assert [record.image_id for record in open_folder(folder)] == [elsewhere.as_posix()]
