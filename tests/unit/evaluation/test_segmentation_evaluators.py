"""Panoptic and semantic segmentation, from annotated pictures to metrics."""

import json
import math
import pickle
from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image

from composer.data import Dataset, Metadata, Record, Segment
from composer.errors import InputError
from composer.evaluation import PanopticEvaluator, PanopticWriter, SemanticEvaluator
from composer.evaluation.image_index import find_image_size
from composer.evaluation.segmentation_truth import read_classes, read_segments
from composer.evaluation.semantic_evaluator import count_pixels, summarize_pixels

METADATA = Metadata(
    thing_classes=("cat", "dog"),
    stuff_classes=("things", "sky", "grass"),
    thing_ids=(1, 2),
    stuff_ids=(0, 10, 11),
    sem_seg_of_things=(0, 0),
)
SEGMENTS = (
    Segment(300, 0, is_thing=True),
    Segment(5, 1, is_thing=True),
    Segment(70000, 1, is_thing=False),
)


@pytest.fixture(scope="module")
def dataset(tmp_path_factory):
    """Two images of 4 by 8: a cat, a dog, the sky, and a row that is nothing."""
    folder = tmp_path_factory.mktemp("panoptic")
    ids = np.zeros((4, 8), dtype=np.int64)
    ids[0, :4], ids[0, 4:], ids[1:3] = 300, 5, 70000
    colors = np.stack([ids % 256, ids // 256 % 256, ids // 65536], axis=-1).astype(np.uint8)
    Image.fromarray(colors).save(folder / "segments.png")
    records = []
    for image_id in (7, 8):
        Image.new("RGB", (8, 4)).save(folder / f"{image_id}.png")
        records.append(
            Record(
                folder / f"{image_id}.png",
                image_id,
                4,
                8,
                panoptic_file=folder / "segments.png",
                segments=SEGMENTS,
            )
        )
    return Dataset("panoptic", tuple(records), METADATA)


def segmentation(**changes):
    """The true segmentation in a model's terms, some classes changed."""
    ids = torch.zeros(4, 8, dtype=torch.int32)
    ids[0, :4], ids[0, 4:], ids[1:] = 1, 2, 3
    infos = [
        {"id": 1, "isthing": True, "category_id": 0},
        {"id": 2, "isthing": True, "category_id": 1},
        {"id": 3, "isthing": False, "category_id": 1},
    ]
    for info in infos:
        info |= changes.get(f"segment{info['id']}", {})
    return {"panoptic_seg": (ids, infos)}


INPUTS = [{"image_id": 7}, {"image_id": 8}]


def test_truth_has_a_panoptic_quality_of_one(dataset):
    evaluator = PanopticEvaluator(dataset)
    evaluator.process(INPUTS, [segmentation(), segmentation()])
    task = evaluator.results().tasks["panoptic"]
    assert set(task.metrics.values()) == {1.0}
    assert list(task.per_class) == ["cat", "dog", "sky"]


def test_quality_is_the_mean_over_classes_that_occur(dataset):
    evaluator = PanopticEvaluator(dataset)
    wrong = segmentation(segment1={"category_id": 1})
    evaluator.process(INPUTS, [segmentation(), wrong])
    task = evaluator.results().tasks["panoptic"]
    # The cat is found in one image of two; in the other it is taken for a second dog.
    assert task.per_class["cat"]["PQ"] == pytest.approx(1 / 1.5)
    assert task.per_class["dog"]["PQ"] == pytest.approx(2 / 2.5)
    assert task.metrics["PQ"] == pytest.approx((1 / 1.5 + 2 / 2.5 + 1) / 3)
    assert task.metrics["PQ_things"] == pytest.approx((1 / 1.5 + 2 / 2.5) / 2)
    assert task.metrics["PQ_stuff"] == 1.0


def test_segments_of_images_that_were_not_processed_are_missed(dataset):
    evaluator = PanopticEvaluator(dataset)
    evaluator.process(INPUTS[:1], [segmentation()])
    assert evaluator.results().flat()["panoptic/PQ"] == pytest.approx(1 / 1.5)


def test_panoptic_mistakes_are_reported(dataset):
    evaluator = PanopticEvaluator(dataset)
    with pytest.raises(InputError, match="no 'panoptic_seg'; they have 'instances'"):
        evaluator.process(INPUTS[:1], [{"instances": None}])
    with pytest.raises(InputError, match=r"\(2, 2\) for an image of \(4, 8\)"):
        evaluator.process(INPUTS[:1], [{"panoptic_seg": (torch.zeros(2, 2), [])}])
    bare = replace(dataset, records=(replace(dataset[0], panoptic_file=None),))
    with pytest.raises(InputError, match=r"7\.png has no panoptic annotation"):
        PanopticEvaluator(bare)


def test_panoptic_predictions_are_written_as_servers_take_them(dataset, tmp_path):
    writer = PanopticWriter(dataset, tmp_path)
    ids, infos = segmentation()["panoptic_seg"]
    large = {"panoptic_seg": (torch.where(ids == 1, 70001, ids), [{**infos[0], "id": 70001}])}
    writer.process(INPUTS, [segmentation(), large])
    assert writer.results().tasks == {}
    first, second = json.loads((tmp_path / "panoptic.json").read_text())["annotations"]
    assert (first["image_id"], first["file_name"]) == (7, "7.png")
    assert [info["category_id"] for info in first["segments_info"]] == [1, 2, 10]
    assert second["segments_info"] == [{"id": 70001, "category_id": 1}]
    colors = np.array(Image.open(tmp_path / "panoptic" / "8.png")).astype(int)
    written = colors @ [1, 256, 65536]
    assert written[0].tolist() == [70001] * 4 + [0] * 4  # what is not listed is nothing


def test_pictures_of_images_of_one_name_do_not_take_each_others_place(dataset, tmp_path):
    first, second = dataset
    twin = replace(second, file_name=tmp_path / "elsewhere" / first.file_name.name)
    writer = PanopticWriter(replace(dataset, records=(first, twin)), tmp_path)
    writer.process(INPUTS, [segmentation(), segmentation()])
    writer.results()
    written = json.loads((tmp_path / "panoptic.json").read_text())["annotations"]
    names = [entry["file_name"] for entry in written]
    assert names == ["7.png", "7-2.png"]
    assert {path.name for path in (tmp_path / "panoptic").iterdir()} == set(names)


@pytest.mark.parametrize("size", [(None, None), (4, 8)])
def test_photographs_are_not_read_to_know_what_pixels_are(dataset, tmp_path, size):
    """Of a photograph on its side, cut off behind its head, the size alone counts."""
    exif = Image.Exif()
    exif[274] = 6  # to be turned by a quarter
    Image.effect_noise((4, 8), 50).convert("RGB").save(tmp_path / "cut.jpg", exif=exif)
    whole = (tmp_path / "cut.jpg").read_bytes()
    (tmp_path / "cut.jpg").write_bytes(whole[: whole.index(b"\xff\xda")])
    height, width = size
    record = replace(dataset[0], file_name=tmp_path / "cut.jpg", height=height, width=width)
    assert find_image_size(record) == (4, 8)
    assert read_segments(record).ids.shape == (4, 8)
    assert read_classes(record, METADATA)[0].tolist() == [0] * 8
    other = replace(record, panoptic_file=dataset[0].file_name, height=8, width=4)
    with pytest.raises(InputError, match="it is 4 x 8, but the image is 8 x 4"):
        read_segments(other)


def test_size_of_an_image_that_cannot_be_read_is_not_guessed(dataset, tmp_path):
    (tmp_path / "empty.png").touch()
    record = replace(dataset[0], file_name=tmp_path / "empty.png", height=None, width=None)
    with pytest.raises(InputError, match=r"empty\.png: not an image"):
        find_image_size(record)
    Image.new("L", (1, 1)).save(tmp_path / "empty.png")
    assert find_image_size(record) == (1, 1)


def scores_of(classes):
    return torch.nn.functional.one_hot(torch.as_tensor(classes), 3).permute(2, 0, 1).float()


def test_semantic_classes_come_from_segments_and_void_does_not_count(dataset):
    truth = torch.tensor([[0] * 8, [1] * 8, [1] * 8, [2] * 8])
    evaluator = SemanticEvaluator(dataset)
    evaluator.process(INPUTS, [{"sem_seg": scores_of(truth)}] * 2)
    task = evaluator.results().tasks["sem_seg"]
    assert set(task.metrics.values()) == {1.0}
    assert math.isnan(task.per_class["grass"]["IoU"])


def test_semantic_metrics_are_those_counted_by_hand(dataset):
    found = torch.tensor([[0] * 8, [1] * 8, [0] * 8, [2] * 8])
    evaluator = SemanticEvaluator(dataset)
    evaluator.process(INPUTS[:1], [{"sem_seg": scores_of(found)}])
    task = evaluator.results().tasks["sem_seg"]
    assert task.per_class["things"] == {"IoU": pytest.approx(0.5), "ACC": 1.0}
    assert task.per_class["sky"] == {"IoU": pytest.approx(0.5), "ACC": pytest.approx(0.5)}
    assert task.metrics == {
        "mIoU": pytest.approx(0.5),
        "fwIoU": pytest.approx(0.5),
        "mACC": pytest.approx(0.75),
        "pACC": pytest.approx(2 / 3),
    }


def test_image_that_was_seen_twice_counts_once(dataset, monkeypatch):
    right, wrong = torch.tensor([[0] * 8, [1] * 8, [1] * 8, [2] * 8]), torch.zeros(4, 8).long()
    outputs = [{"sem_seg": scores_of(right)}, {"sem_seg": scores_of(wrong)}]
    once, twice = SemanticEvaluator(dataset), SemanticEvaluator(dataset)
    once.process(INPUTS, outputs)
    twice.process(INPUTS, outputs)
    twice.process(INPUTS[1:], outputs[1:])
    # Another process saw the same images, as where shares are filled up to one length.
    gathering = "composer.evaluation.evaluator.gather_parts"
    monkeypatch.setattr(gathering, lambda part: [part, dict(part)])
    twice.gather()
    assert twice.results().to_json() == once.results().to_json()


def test_little_is_kept_of_images_where_few_of_many_classes_occur(dataset):
    names = tuple(f"class {index}" for index in range(300))
    metadata = replace(METADATA, stuff_classes=names, stuff_ids=tuple(range(300)))
    evaluator = SemanticEvaluator(replace(dataset, metadata=metadata))
    empty = len(pickle.dumps(evaluator))
    evaluator.process(INPUTS, [{"sem_seg": torch.rand(300, 4, 8)}] * 2)
    assert evaluator.results().num_images == 2
    assert len(pickle.dumps(evaluator)) - empty < 5000


def test_overlap_is_weighted_with_how_often_classes_occur():
    pixels = np.array([[6, 0], [1, 1]])
    metrics, _ = summarize_pixels(pixels, ["a", "b"])
    assert metrics["fwIoU"] == pytest.approx(6 / 8 * 6 / 7 + 2 / 8 * 1 / 2)


def test_without_pixels_nothing_is_defined():
    metrics, per_class = summarize_pixels(np.zeros((2, 2), dtype=np.int64), ["a", "b"])
    assert all(math.isnan(value) for value in [*metrics.values(), *per_class["a"].values()])


def test_classes_that_the_dataset_does_not_have_are_refused():
    with pytest.raises(InputError, match="output has the semantic class 5"):
        count_pixels(np.array([[0]]), np.array([[5]]), 2, 255)
    with pytest.raises(InputError, match="annotation has the semantic class 9"):
        count_pixels(np.array([[9]]), np.array([[0]]), 2, 255)


def test_semantic_mistakes_are_reported(dataset):
    evaluator = SemanticEvaluator(dataset)
    with pytest.raises(InputError, match="no 'sem_seg'"):
        evaluator.process(INPUTS[:1], [{"instances": None}])
    with pytest.raises(InputError, match=r"\(3, 2, 2\) for an image of \(4, 8\)"):
        evaluator.process(INPUTS[:1], [{"sem_seg": torch.zeros(3, 2, 2)}])


@pytest.fixture
def damaged(dataset, tmp_path):
    """The second image's annotation cannot be read."""
    (tmp_path / "cut.png").write_bytes(dataset[0].panoptic_file.read_bytes()[:50])
    bad = replace(dataset[1], panoptic_file=tmp_path / "cut.png")
    return replace(dataset, records=(dataset[0], bad))


@pytest.mark.parametrize("kind", [PanopticEvaluator, SemanticEvaluator])
def test_image_whose_annotation_cannot_be_read_is_left_out(kind, dataset, damaged, caplog):
    scores = torch.rand(3, 4, 8, generator=torch.Generator().manual_seed(0))
    output = {**segmentation(segment1={"category_id": 1}), "sem_seg": scores}
    inputs = [{"image_id": record.image_id} for record in dataset]
    whole, part = kind(replace(dataset, records=dataset.records[:1])), kind(damaged)
    whole.process(inputs[:1], [output])
    part.process(inputs, [output, output])
    part.gather()
    assert part.results().to_json() == whole.results().to_json()
    assert "an image is left out of the evaluation" in caplog.text
    assert "cut.png" in caplog.text
    with pytest.raises(InputError, match=r"cut\.png"):
        kind(damaged, on_fault="refuse").process(inputs, [output, output])


def test_class_that_an_annotation_cannot_have_counts_as_one_that_cannot_be_read(
    dataset, tmp_path, caplog
):
    Image.fromarray(np.full((4, 8), 77, dtype=np.uint8)).save(tmp_path / "odd.png")
    record = replace(dataset[0], panoptic_file=None, sem_seg_file=tmp_path / "odd.png")
    evaluator = SemanticEvaluator(replace(dataset, records=(record,)))
    evaluator.process([{"image_id": 7}], [{"sem_seg": torch.rand(3, 4, 8)}])
    assert evaluator.results().num_images == 0
    assert "odd.png: it has the semantic class 77" in caplog.text
