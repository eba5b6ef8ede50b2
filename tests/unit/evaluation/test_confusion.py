"""Which classes are taken for which, and the pictures of an evaluation."""

from dataclasses import replace

import pytest

from composer.evaluation import CocoEvaluator, plots
from composer.evaluation.confusion import count_confusions
from unit.evaluation.scenes import make_scenes, noisy_outputs, true_outputs
from unit.evaluation.test_box_evaluators import A, B, C, dataset_of, outputs_of


def count(dataset, outputs, **options):
    evaluator = CocoEvaluator(dataset)
    evaluator.process([{"image_id": at} for at in range(len(outputs))], outputs)
    return count_confusions(evaluator.detections, **options).tolist()


def test_objects_are_counted_by_what_they_were_taken_for():
    dataset = dataset_of([(A, 0), (B, 1), (C, 2)])
    found = outputs_of([(A, 0, 0.9), (B, 2, 0.8), ((60.0, 60.0, 90.0, 90.0), 1, 0.7)])
    assert count(dataset, found) == [[1, 0, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1], [0, 1, 0, 0]]


def test_uncertain_detections_do_not_count():
    counts = count(dataset_of([(A, 0)]), outputs_of([(A, 0, 0.4)]))
    assert counts[0] == [0, 0, 0, 1]
    counts = count(dataset_of([(A, 0)]), outputs_of([(A, 0, 0.4)]), min_score=0.3)
    assert counts[0] == [1, 0, 0, 0]


def test_object_is_given_to_the_most_certain_detection():
    counts = count(dataset_of([(A, 0)]), outputs_of([(A, 1, 0.6), (A, 0, 0.9)]))
    assert counts == [[1, 0, 0, 0], [0, 0, 0, 0], [0, 0, 0, 0], [0, 1, 0, 0]]


def test_what_lies_in_a_crowd_does_not_count():
    dataset = dataset_of([(A, 0)])
    crowd = replace(dataset[0].annotations[0], is_crowd=True)
    dataset = replace(dataset, records=(replace(dataset[0], annotations=(crowd,)),))
    counts = count(dataset, outputs_of([((0.0, 0.0, 20.0, 20.0), 0, 0.9), (C, 0, 0.9)]))
    assert counts[3] == [1, 0, 0, 0]
    assert sum(map(sum, counts)) == 1


@pytest.fixture(scope="module")
def measured():
    scenes = make_scenes()
    evaluator = CocoEvaluator(scenes.dataset)
    evaluator.process(scenes.inputs, noisy_outputs(scenes.dataset))
    evaluator.results()
    return evaluator


def test_every_task_has_its_pictures(measured, tmp_path):
    saved = plots.write_plots(tmp_path / "plots", measured, "svg")
    names = {path.name for path in saved}
    assert names == {
        "confusion.svg",
        *(
            f"{task}_{what}.svg"
            for task in ("bbox", "segm", "keypoints")
            for what in ("precision_recall", "sizes", "scores")
        ),
    }
    text = (tmp_path / "plots" / "confusion.svg").read_text()
    assert all(name in text for name in ("cat", "dog", "emu", "missed", "nothing"))


def test_pictures_are_the_same_each_time(tmp_path):
    measured = CocoEvaluator(dataset_of([(A, 0)]), tasks=["bbox"])
    measured.process([{"image_id": 0}], outputs_of([(A, 0, 0.9)]))
    measured.results()
    for folder in ("one", "two"):
        plots.write_plots(tmp_path / folder, measured)
    for path in (tmp_path / "one").iterdir():
        assert path.read_bytes() == (tmp_path / "two" / path.name).read_bytes(), path.name


def test_evaluation_without_any_object_can_be_drawn(tmp_path):
    evaluator = CocoEvaluator(dataset_of([]))
    evaluator.process([{"image_id": 0}], outputs_of([]))
    evaluator.tasks = ("bbox",)
    evaluator.results()
    assert plots.write_plots(tmp_path, evaluator)[0].stat().st_size > 0


def test_names_of_classes_are_drawn_as_text_and_not_as_formulas(tmp_path):
    dataset = dataset_of([(A, 0)])
    names = ("$a$ $\\frac{", "two\nlines\x1b[31m", "c")
    dataset = replace(dataset, metadata=replace(dataset.metadata, thing_classes=names))
    evaluator = CocoEvaluator(dataset, tasks=["bbox"])
    evaluator.process([{"image_id": 0}], outputs_of([(A, 0, 0.9)]))
    results = evaluator.results()
    plots.write_plots(tmp_path, evaluator, "svg")
    assert "two\\nlines\\x1b[31m" in (tmp_path / "confusion.svg").read_text()
    assert "\x1b" not in results.class_table("bbox")


def test_marks_tell_right_detections_from_wrong_ones(measured):
    marks = measured.scores["bbox"].marks
    assert 0 < marks.are_right.sum() < len(marks.are_right)
    scenes = make_scenes()
    perfect = CocoEvaluator(scenes.dataset)
    perfect.process(scenes.inputs, true_outputs(scenes.dataset))
    perfect.results()
    marks = perfect.scores["bbox"].marks
    objects = [a for r in scenes.dataset.records for a in r.annotations if not a.is_crowd]
    assert marks.are_right.all()
    assert len(marks.scores) == len(objects)
