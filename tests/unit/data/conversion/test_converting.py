"""Datasets written in COCO's and YOLO's formats."""

import json

import numpy as np
import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from composer.data import (
    Annotation,
    Dataset,
    Metadata,
    Record,
    find_data,
    open_datasets,
    read_data_file,
    write_shape_dataset,
)
from composer.data.conversion import convert_datasets
from composer.data.readers.coco import coco
from composer.errors import DataError
from composer.structures import decode_mask, encode_mask, rasterize_polygons
from limited_files import limited

HEIGHT, WIDTH = 30, 50
CLASSES = ("cat", "dog", "a bird: 'x'")


@pytest.fixture
def picture(tmp_path):
    file = tmp_path / "in" / "a.png"
    file.parent.mkdir()
    Image.new("RGB", (WIDTH, HEIGHT)).save(file)
    return file


def make_dataset(file, *annotations, name="train", **metadata):
    record = Record(file, 7, HEIGHT, WIDTH, tuple(annotations))
    ids = tuple(range(len(CLASSES)))
    return Dataset(name, (record,), Metadata(CLASSES, thing_ids=ids, **metadata))


def open_all(path):
    return {n: d.open(n) for n, d in read_data_file(find_data(path)).datasets.items()}


def open_one(path):
    (dataset,) = open_all(path).values()
    return dataset


def there_and_back(dataset, folder, **options):
    """The dataset after COCO, YOLO and COCO again, and what YOLO does not hold."""
    convert_datasets({"train": dataset}, folder / "coco", "coco")
    losses = convert_datasets(open_all(folder / "coco"), folder / "yolo", "yolo", **options)
    convert_datasets(open_all(folder / "yolo"), folder / "again", "coco")
    return open_one(folder / "again"), losses.describe()


corner = st.tuples(
    st.floats(0, WIDTH, allow_nan=False, width=32), st.floats(0, HEIGHT, allow_nan=False, width=32)
)


@st.composite
def boxes(draw):
    (x0, y0), (x1, y1) = draw(corner), draw(corner)
    box = min(x0, x1), min(y0, y1), max(x0, x1), max(y0, y1)
    return box if box[2] - box[0] > 0.01 and box[3] - box[1] > 0.01 else (1.0, 2.0, 9.0, 8.0)


@st.composite
def triangles(draw):
    x0, y0, x1, y1 = draw(boxes())
    return [x0, y0, x1, y0, draw(st.floats(x0, x1)), y1]


classes = st.integers(0, len(CLASSES) - 1)
law = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)


@law
@given(st.lists(st.tuples(boxes(), classes), unique=True, max_size=4))
def test_boxes_return_as_they_were(picture, tmp_path_factory, objects):
    dataset = make_dataset(picture, *(Annotation(box, category) for box, category in objects))
    found, losses = there_and_back(dataset, tmp_path_factory.mktemp("boxes"))
    assert not losses
    assert found.metadata.thing_classes == CLASSES
    assert not found.metadata.has_masks
    for (box, category), annotation in zip(objects, found[0].annotations, strict=True):
        assert annotation.category == category
        assert annotation.box == pytest.approx(box, abs=1e-6)


@law
@given(st.lists(triangles(), min_size=1, max_size=3, unique_by=tuple))
def test_outlines_return_as_they_were(picture, tmp_path_factory, outlines):
    objects = [Annotation(around(one), 1, segmentation=[one]) for one in outlines]
    found, losses = there_and_back(
        make_dataset(picture, *objects, has_masks=True), tmp_path_factory.mktemp("outlines")
    )
    assert not losses
    for one, annotation in zip(objects, found[0].annotations, strict=True):
        assert annotation.segmentation[0] == pytest.approx(one.segmentation[0], abs=1e-6)


def around(outline):
    return min(outline[0::2]), min(outline[1::2]), max(outline[0::2]), max(outline[1::2])


@law
@given(st.lists(st.tuples(corner, st.integers(0, 2)), min_size=3, max_size=3))
def test_keypoints_return_as_they_were(picture, tmp_path_factory, points):
    flat = [v for (x, y), seen in points for v in ((x, y, seen) if seen else (0, 0, 0))]
    dataset = make_dataset(
        picture,
        Annotation((1, 2, 9, 8), 0, keypoints=flat),
        keypoint_names=("nose", "one", "other"),
        keypoint_flip_pairs=((1, 2),),
    )
    found, losses = there_and_back(dataset, tmp_path_factory.mktemp("keypoints"))
    assert not losses
    assert found.metadata.keypoint_names == ("nose", "one", "other")
    assert found.metadata.keypoint_flip_pairs == ((1, 2),)
    assert found[0].annotations[0].keypoints == pytest.approx(flat, abs=1e-6)


@law
@given(st.lists(st.lists(st.booleans(), min_size=8, max_size=8), min_size=6, max_size=6))
def test_masks_of_pixels_have_outlines_that_fill_them_again(picture, tmp_path_factory, rows):
    mask = np.zeros((HEIGHT, WIDTH), dtype=bool)
    mask[3:9, 5:13] = rows
    mask[5, 7] = True
    dataset = make_dataset(picture, Annotation((5, 3, 13, 9), 0, encode_mask(mask)), has_masks=True)
    folder = tmp_path_factory.mktemp("masks")
    convert_datasets({"train": dataset}, folder / "yolo", "yolo")
    (annotation,) = open_one(folder / "yolo")[0].annotations
    # pycocotools rounds bridges of no width to pixels here and there, so it is filled here
    assert np.array_equal(fill(annotation.segmentation[0]), mask)


def fill(outline):
    """The pixels whose centres are inside, by even and odd crossings."""
    points = np.reshape(outline, (-1, 2))
    ys, xs = np.mgrid[:HEIGHT, :WIDTH] + 0.5
    inside = np.zeros((HEIGHT, WIDTH), dtype=bool)
    for (x0, y0), (x1, y1) in zip(points, np.roll(points, -1, axis=0), strict=True):
        crosses = (y0 > ys) != (y1 > ys)
        with np.errstate(divide="ignore", invalid="ignore"):
            inside ^= crosses & (xs < x0 + (ys - y0) * (x1 - x0) / (y1 - y0))
    return inside


def test_what_yolo_does_not_hold_is_told(picture, tmp_path):
    outline = [1.0, 2.0, 9.0, 2.0, 9.0, 8.0]
    dataset = make_dataset(
        picture,
        Annotation((1, 2, 9, 8), 0, segmentation=[outline]),
        Annotation((1, 2, 29, 28), 0, segmentation=[outline, [v + 20 for v in outline]]),
        Annotation((0, 0, 9, 9), 1, is_crowd=True),
        Annotation((2, 2, 6, 6), 1, is_difficult=True),
        Annotation((-4, 2, 6, 6), 2),
        has_masks=True,
    )
    losses = convert_datasets({"train": dataset}, tmp_path / "yolo", "yolo").describe()
    assert losses == [
        "objects of several outlines, which are joined by lines of no width: 1",
        "crowds, which are left out: 1",
        "difficult objects, which are written as ordinary ones: 1",
        "objects without a mask, whose outline is that of their box: 2",
        "outlines that reach beyond their images, which are cut: 1",
        "boxes that are not the ones around their outlines, which are left out: 1",
    ]
    detect = convert_datasets({"train": dataset}, tmp_path / "boxes", "yolo", task="detect")
    assert "boxes that reach beyond their images, which are cut: 1" in detect.describe()
    assert "masks, which are left out: 2" in detect.describe()
    boxes_only = open_one(tmp_path / "boxes")
    assert [a.box for a in boxes_only[0].annotations][-1] == pytest.approx((0, 2, 6, 6))


def test_coco_holds_crowds_masks_ids_and_areas(picture, tmp_path):
    mask = np.zeros((HEIGHT, WIDTH), dtype=bool)
    mask[2:5, 3:9] = True
    dataset = make_dataset(
        picture,
        Annotation((3, 2, 9, 5), 0, encode_mask(mask), is_crowd=True, annotation_id=31),
        Annotation((1, 2, 9, 8), 2, area=12.5, annotation_id=30),
        Annotation((1, 2, 9, 8), 2, is_difficult=True, annotation_id=8),
        has_masks=True,
    )
    losses = convert_datasets({"train": dataset}, tmp_path / "coco", "coco")
    assert losses.describe() == [
        "difficult objects, which are written as crowds: no targets, and not counted: 1"
    ]
    found = open_one(tmp_path / "coco")
    crowd, plain, difficult = found[0].annotations
    assert (found[0].image_id, crowd.annotation_id, crowd.is_crowd) == (7, 31, True)
    assert np.array_equal(decode_mask(crowd.segmentation), mask)
    assert (crowd.area, plain.area) == (18, 12.5)
    assert difficult.is_crowd
    assert found.metadata.thing_ids == (0, 1, 2)


def test_a_shape_dataset_survives(tmp_path):
    shapes = write_shape_dataset(tmp_path / "shapes", num_images=3, size=40)
    original = coco(annotations=shapes.annotations, images=shapes.images)
    found, losses = there_and_back(original, tmp_path)
    assert not losses
    for before, after in zip(original, found, strict=True):
        assert before.file_name.read_bytes() == after.file_name.read_bytes()
        for own, other in zip(before.annotations, after.annotations, strict=True):
            masks = [
                rasterize_polygons([np.array(p) for p in one.segmentation], 40, 40)
                for one in (own, other)
            ]
            assert np.array_equal(*masks)


def test_nothing_is_written_over(picture, tmp_path):
    (tmp_path / "there").mkdir()
    for target in ("coco", "yolo"):
        with pytest.raises(DataError, match="exists; nothing is written over it"):
            convert_datasets({"a": make_dataset(picture)}, tmp_path / "there", target)


def test_a_fault_leaves_no_folder(picture, tmp_path):
    dataset = make_dataset(picture)
    picture.unlink()
    with pytest.raises(DataError, match="no such image"):
        convert_datasets({"a": dataset}, tmp_path / "out", "coco")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["in"]


@pytest.mark.parametrize("target", ["coco", "yolo"])
def test_pictures_are_linked(picture, tmp_path, target):
    dataset = make_dataset(picture, Annotation((1, 2, 9, 8), 0))
    convert_datasets({"train": dataset}, tmp_path / "out", target, pictures="link")
    file = tmp_path / "out/images/train/a.png"
    assert file.is_symlink()
    assert file.resolve() == picture.resolve()
    assert len(open_one(tmp_path / "out")) == 1


def test_pictures_stay_where_they_are(picture, tmp_path):
    dataset = make_dataset(picture, Annotation((1, 2, 9, 8), 0))
    convert_datasets({"train": dataset}, tmp_path / "out", "coco", pictures="none")
    assert open_one(tmp_path / "out")[0].file_name.resolve() == picture.resolve()
    with pytest.raises(DataError, match="copy or link"):
        convert_datasets({"train": dataset}, tmp_path / "more", "yolo", pictures="none")


def test_images_of_one_name_in_several_folders_stay_apart(tmp_path):
    records = []
    for number, name in enumerate(("x/a.png", "y/a.png", "y/a.jpg")):
        file = tmp_path / "in" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (WIDTH, HEIGHT), (number, 0, 0)).save(file)
        records.append(Record(file, name, annotations=(Annotation((1, 2, 9, 8 + number), 0),)))
    dataset = Dataset("train", tuple(records), Metadata(("cat",), thing_ids=(0,)))
    convert_datasets({"train": dataset}, tmp_path / "yolo", "yolo")
    found = open_one(tmp_path / "yolo")
    bottoms = sorted(record.annotations[0].box[3] for record in found)
    assert bottoms == pytest.approx([8, 9, 10])
    convert_datasets({"train": dataset}, tmp_path / "coco", "coco")
    written = json.loads((tmp_path / "coco/annotations/instances_train.json").read_text())
    assert [image["id"] for image in written["images"]] == [1, 2, 3]
    assert [image["file_name"] for image in written["images"]] == ["x/a.png", "y/a.png", "y/a.jpg"]


def test_splits_of_yolo_have_their_names_and_the_same_classes(picture, tmp_path):
    parts = {name: make_dataset(picture, name=name) for name in ("training", "valid")}
    convert_datasets(parts, tmp_path / "yolo", "yolo")
    described = yaml.safe_load((tmp_path / "yolo/data.yaml").read_text())
    assert described == {
        "train": "images/train",
        "val": "images/val",
        "names": dict(enumerate(CLASSES)),
    }
    assert len(open_datasets(read_data_file(find_data(tmp_path / "yolo")).datasets)) == 2
    with pytest.raises(DataError, match="splits train, val and test"):
        convert_datasets({"a": parts["valid"], "b": parts["valid"]}, tmp_path / "o", "yolo")
    other = parts["valid"].select_categories(["dog"])
    with pytest.raises(DataError, match="different classes"):
        convert_datasets({"train": parts["training"], "val": other}, tmp_path / "o", "yolo")


@pytest.mark.parametrize("target", ["coco", "yolo"])
@pytest.mark.parametrize(("pairs", "no_pairs"), [(((0, 1),), False), ((), True), ((), False)])
def test_what_is_known_of_a_mirror_is_kept_for_any_names(
    picture, tmp_path, target, pairs, no_pairs
):
    dataset = make_dataset(
        picture,
        Annotation((1, 2, 9, 8), 0, keypoints=[2.0, 3, 2, 4, 5, 2]),
        keypoint_names=("left_end", "right_end"),
        keypoint_flip_pairs=pairs,
        no_flip_pairs=no_pairs,
    )
    convert_datasets({"train": dataset}, tmp_path / "there", target)
    found = open_one(tmp_path / "there").metadata
    assert (found.keypoint_flip_pairs, found.no_flip_pairs) == (pairs, no_pairs)


def test_a_full_disk_is_blamed_on_the_folder_that_is_written(picture, tmp_path):
    with limited(10), pytest.raises(OSError, match="too large") as caught:
        convert_datasets({"train": make_dataset(picture)}, tmp_path / "out", "coco")
    assert caught.value.filename == str(tmp_path / "out")
    assert picture.is_file()
    assert not (tmp_path / "out").exists()
