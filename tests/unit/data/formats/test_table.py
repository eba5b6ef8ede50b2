"""Tables of boxes in the layouts of tools and data sets."""

import pytest

from composer.data import count_faults, find_data, inspect_dataset, read_data_file
from composer.data.formats import recognise
from composer.data.readers.box_table import box_table
from composer.errors import DataError

BOX = (4, 3, 24, 13)
LAYOUTS = {
    "keras-retinanet": "a.png,4,3,24,13,cat\nb.png,,,,,\n",
    "keras-retinanet, a path": "/elsewhere/set/a.png,4,3,24,13,cat\nb.png,,,,,\n",
    "torchvision": "path,x1,y1,x2,y2,class\na.png,4,3,24,13,cat\nb.png,,,,,\n",
    "TensorFlow": (
        "filename,width,height,class,xmin,ymin,xmax,ymax\n"
        "a.png,40,20,cat,4,3,24,13\nb.png,40,20,,,,,\n"
    ),
    "Open Images": (
        "ImageID,Source,LabelName,Confidence,XMin,XMax,YMin,YMax,IsOccluded,IsTruncated,IsGroupOf,"
        "IsDepiction,IsInside\na,xclick,/m/01yrx,1,0.1,0.6,0.15,0.65,0,0,0,0,0\n"
    ),
    "width and height": "image;x;y;width;height;label\na.png;4;3;20;10;cat\nb.png;;;;;\n",
    "left and top": "file_name,label,left,top,width,height\na.png,cat,4,3,20,10\n",
    "one column": 'image_id,width,height,bbox,label\na,40,20,"[4.0, 3.0, 20.0, 10.0]",cat\n',
    "tabs": "image_path\tx_min\ty_min\tx_max\ty_max\tclass_name\na.png\t4\t3\t24\t13\tcat\n",
    "fractions": "image,xmin,ymin,xmax,ymax,label\na.png,0.1,0.15,0.6,0.65,cat\n",
    "decimal commas": "filename;xmin;ymin;xmax;ymax;class\na.png;4,0;3;24,0;13,000;cat\n",
    "decimal commas in quotes": (
        'filename,xmin,ymin,xmax,ymax,class\na.png,"4,0","3,0","24,0","13,00",cat\n'
    ),
    "centres": "image,x_center,y_center,width,height,label\na.png,14,8,20,10,cat\n",
    "centres in fractions": "image,cx,cy,w,h,label\na.png,0.35,0.4,0.5,0.5,cat\n",
    "a mark": "\ufefffilename,xmin,ymin,xmax,ymax,class\nA.PNG,4,3,24,13,cat\n",
}


@pytest.fixture
def images(folder):
    folder.write("class-descriptions-boxable.csv", "/m/01yrx,cat\n/m/0bt9lr,dog\n")
    return folder.draw("images/a.png", "images/b.png")


@pytest.mark.parametrize("layout", LAYOUTS)
def test_columns_are_found_by_content(images, layout):
    images.write("boxes.csv", LAYOUTS[layout])
    assert recognise(images.path).reader == "csv"
    for path in (images.path, images / "boxes.csv"):
        (dataset,) = read_data_file(find_data(path)).datasets.values()
        opened = dataset.open("x")
        assert not opened.faults
        assert opened.metadata.thing_classes == ("cat",)
        assert opened[0].annotations[0].box == pytest.approx(BOX)
        assert (opened[0].image_id, opened[0].height, opened[0].width) == ("images/a.png", 20, 40)


def test_a_row_with_a_class_and_no_box_is_told(images):
    table = images.write("boxes.csv", LAYOUTS["torchvision"] + "b.png,,,,,dog\n")
    dataset = box_table(table=table)
    assert count_faults(dataset.faults) == {"no_object": 1}
    assert dataset.faults[0].message == "row 4: the row has the class 'dog', but no box"


def test_the_size_that_a_table_has_for_an_image_is_compared(images):
    table = images.write("boxes.csv", LAYOUTS["TensorFlow"].replace(",40,20,", ",80,40,"))
    dataset = box_table(table=table)
    assert (dataset[0].height, dataset[0].width) == (40, 80)
    assert count_faults(inspect_dataset(dataset, quick=True)) == {"size_differs": 2}
    table = images.write("boxes.csv", LAYOUTS["TensorFlow"].replace(",40,20,", ",0,-1,"))
    assert (box_table(table=table)[0].height, box_table(table=table)[0].width) == (20, 40)


def test_classes_of_open_images_that_nothing_names_are_told(images):
    text = LAYOUTS["Open Images"].replace("/m/01yrx", "/m/04szw")
    dataset = box_table(table=images.write("boxes.csv", text))
    assert count_faults(dataset.faults) == {"unnamed_category": 1}
    assert "names /m/04szw; they are called by their ids" in dataset.faults[0].message


def test_a_row_without_a_box_is_an_image_without_objects(images):
    table = images.write("boxes.csv", LAYOUTS["keras-retinanet"])
    assert [len(r.annotations) for r in box_table(table=table)] == [1, 0]
    table = images.write("boxes.csv", LAYOUTS["tabs"])
    assert len(box_table(table=table)) == 1
    assert len(box_table(table=table, include_others=True)) == 2


def test_groups_of_open_images_are_crowds(images):
    rows = LAYOUTS["Open Images"] + "a,xclick,/m/0bt9lr,1,0.1,0.6,0.15,0.65,0,0,1,0,0\n"
    dataset = box_table(table=images.write("boxes.csv", rows))
    assert [a.is_crowd for a in dataset[0].annotations] == [False, True]
    assert dataset.metadata.thing_classes == ("cat", "dog")


@pytest.mark.parametrize(
    ("row", "kind"),
    [
        ("c.png,1,1,5,5,cat", "missing_file"),
        ("a.png,1,x,5,5,cat", "malformed"),
        ("a.png,1,1,,5,cat", "malformed"),
        ("a.png,5,1,1,5,cat", "box_degenerate"),
        ("a.png,90,1,95,5,cat", "box_outside"),
        ("a.png,1,1,5,nan,cat", "malformed"),
    ],
)
def test_a_row_that_cannot_be_used_is_left_out(images, row, kind):
    table = images.write("boxes.csv", f"{LAYOUTS['torchvision']}{row}\n")
    dataset = box_table(table=table)
    assert count_faults(dataset.faults) == {kind: 1}
    assert dataset.num_annotations == 1


def test_a_table_without_classes_has_one_which_is_told(images):
    dataset = box_table(table=images.write("b.csv", "image,x1,y1,x2,y2\na.png,4,3,24,13\n"))
    assert dataset.metadata.thing_classes == ("object",)
    assert count_faults(dataset.faults) == {"unnamed_category": 1}


def test_the_only_class_can_be_named(images):
    table = images.write("boxes.csv", "filename,xmin,ymin,xmax,ymax\na.png,4,3,24,13\n")
    dataset = box_table(table=table, classes=("cat",))
    assert not dataset.faults
    assert [a.category for a in dataset[0].annotations] == [0]
    assert dataset.metadata.thing_classes == ("cat",)
    with pytest.raises(DataError, match="names 2 classes, and no column has them"):
        box_table(table=table, classes=("cat", "dog"))


def test_splits_without_classes_are_told_too(images):
    for split in ("train", "val"):
        images.write(f"{split}.csv", "filename,xmin,ymin,xmax,ymax\na.png,4,3,24,13\n")
    for document in read_data_file(find_data(images.path)).datasets.values():
        assert count_faults(document.open("x").faults) == {"unnamed_category": 1}


def test_a_comma_that_may_divide_thousands_is_no_decimal_comma(images):
    text = 'filename,xmin,ymin,xmax,ymax,class\na.png,"1,234",3,24,13,cat\n'
    dataset = box_table(table=images.write("boxes.csv", text))
    assert count_faults(dataset.faults) == {"malformed": 1}


def test_names_with_commas_stay_as_they_are(images):
    text = "filename;xmin;ymin;xmax;ymax;class\na.png;4,5;3;24;13;1,5 l\na.png;4;3;24;13;2,5\n"
    dataset = box_table(table=images.write("boxes.csv", text))
    assert dataset.metadata.thing_classes == ("1,5 l", "2,5")


def test_other_tables_are_refused(images):
    table = images.write("boxes.csv", "name,price\nbread,3\n")
    with pytest.raises(DataError, match="it begins with: name, price"):
        box_table(table=table)
    assert recognise(images.path).reader == "image_folder"
    assert recognise(images.path).unread == ("boxes.csv", "class-descriptions-boxable.csv")


def test_tables_of_splits_have_the_same_classes(images):
    for split, label in (("train", "dog"), ("val", "cat")):
        images.write(
            f"{split}_labels.csv", f"filename,xmin,ymin,xmax,ymax,class\na.png,4,3,24,13,{label}\n"
        )
    datasets = read_data_file(find_data(images.path)).datasets
    assert list(datasets) == ["train", "val"]
    for name, dataset in datasets.items():
        assert dataset.open(name).metadata.thing_classes == ("cat", "dog")


def test_columns_of_other_names_are_chosen(images):
    images.write("boxes.csv", "Foto;Teil;links;oben;breit;hoch\na.png;cat;4;3;20;10\n")
    chosen = {"file": "Foto", "label": "Teil"}
    chosen |= {"x": "links", "y": "oben", "width": "breit", "height": "hoch"}
    dataset = box_table(table=images.path / "boxes.csv", columns=chosen)
    assert dataset.records[0].annotations[0].box == BOX
    assert dataset.metadata.thing_classes == ("cat",)


def test_a_chosen_class_leaves_the_columns_that_are_found(images):
    text = 'image_id,width,height,bbox,source\na,40,20,"[4.0, 3.0, 20.0, 10.0]",cat\n'
    images.write("boxes.csv", text)
    dataset = box_table(table=images.path / "boxes.csv", columns={"label": "source"})
    assert dataset.records[0].annotations[0].box == BOX
    assert dataset.metadata.thing_classes == ("cat",)
    assert not dataset.faults


@pytest.mark.parametrize(
    ("chosen", "message"),
    [
        ({"labell": "Teil"}, "no meaning 'labell'. Did you mean 'label'?"),
        ({"file": "Fotos"}, "no column 'Fotos' for 'file'. Did you mean 'Foto'?"),
        ({"file": "Foto", "x": "links"}, "it has no columns of files and boxes"),
    ],
)
def test_columns_that_are_chosen_wrongly_are_told(images, chosen, message):
    images.write("boxes.csv", "Foto;Teil;links;oben\na.png;cat;4;3\n")
    with pytest.raises(DataError, match=message.replace("?", r"\?")):
        box_table(table=images.path / "boxes.csv", columns=chosen)


def test_a_table_that_is_not_understood_says_how_to_name_its_columns(images):
    images.write("odd/boxes.csv", "Foto;Teil;links;oben;breit;hoch\na.png;cat;4;3;20;10\n")
    images.draw("odd/a.png")
    with pytest.raises(DataError, match=r"begins with: Foto, Teil, .*'columns: \{file: NAME"):
        recognise(images.path / "odd/boxes.csv")
    (note,) = recognise(images.path / "odd").notes
    assert note.startswith("boxes.csv is a table with other columns; it begins with: Foto, Teil")


def test_annotations_of_other_formats_are_told_what_to_become(images):
    images.write("other/labels.json", '[{"name": "a.png", "labels": [{"box2d": {"x1": 1}}]}]')
    images.draw("other/a.png")
    (note,) = recognise(images.path / "other").notes
    assert "COCO, Pascal VOC or YOLO" in note
    assert "filename, class, xmin" in note
