"""COCO's metrics: equal to pycocotools' own from files, one for the truth, defined for nothing."""

import contextlib
import io
import json
import math
from dataclasses import replace

import pytest
import torch
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from composer.data import Dataset
from composer.errors import InputError
from composer.evaluation import CocoEvaluator, evaluate
from composer.structures import Boxes, Instances
from unit.evaluation.scenes import make_scenes, noisy_outputs, true_outputs

BOX_FIGURES = ("AP", "AP50", "AP75", "APs", "APm", "APl")
BOX_FIGURES += ("AR1", "AR10", "AR100", "ARs", "ARm", "ARl")
KEYPOINT_FIGURES = ("AP", "AP50", "AP75", "APm", "APl", "AR", "AR50", "AR75", "ARm", "ARl")


@pytest.fixture(scope="module")
def scenes():
    return make_scenes()


def run(scenes, outputs, **options):
    evaluator = CocoEvaluator(scenes.dataset, **options)
    evaluator.process(scenes.inputs, outputs)
    return evaluator


def score_from_files(folder, document, entries, task):
    """The metrics of pycocotools, from a file of annotations and one of results."""
    truth_file, results_file = folder / "truth.json", folder / "results.json"
    truth_file.write_text(json.dumps({"info": {}, **document}))
    if task == "segm":
        # With boxes, pycocotools would tell large and small detections apart by them.
        entries = [{k: v for k, v in entry.items() if k != "bbox"} for entry in entries]
    results_file.write_text(json.dumps(entries))
    with contextlib.redirect_stdout(io.StringIO()):
        truth = COCO(str(truth_file))
        evaluation = COCOeval(truth, truth.loadRes(str(results_file)), task)
        evaluation.evaluate()
        evaluation.accumulate()
        evaluation.summarize()
    names = KEYPOINT_FIGURES if task == "keypoints" else BOX_FIGURES
    return dict(zip(names, evaluation.stats.tolist(), strict=True))


@pytest.mark.parametrize("task", ["bbox", "segm", "keypoints"])
def test_metrics_equal_those_of_pycocotools_from_files(scenes, task, tmp_path):
    evaluator = run(scenes, noisy_outputs(scenes.dataset), tasks=[task])
    entries = evaluator.detections.to_coco()
    expected = score_from_files(tmp_path, scenes.document, entries, task)
    found = evaluator.results().tasks[task].metrics
    assert 0.1 < expected["AP"] < 0.9
    assert found.keys() == expected.keys()
    assert found == pytest.approx(expected, abs=1e-9)


def test_truth_given_as_detections_has_a_precision_of_one(scenes):
    results = run(scenes, true_outputs(scenes.dataset)).results()
    for task in ("bbox", "segm", "keypoints"):
        metrics = results.tasks[task].metrics
        assert metrics["AP"] == pytest.approx(1.0), task
        assert {round(v, 6) for n, v in metrics.items() if n != "AR1"} == {1.0}, task


def test_crowds_found_are_neither_right_nor_wrong(scenes):
    outputs = true_outputs(scenes.dataset)
    for record, output in zip(scenes.dataset.records, outputs, strict=True):
        crowds = [a for a in record.annotations if a.is_crowd]
        found = output["instances"]
        extra = Instances(
            found.image_size,
            pred_boxes=Boxes(torch.tensor([a.box for a in crowds])),
            pred_classes=torch.tensor([a.category for a in crowds], dtype=torch.long),
            scores=torch.ones(len(crowds)),
        )
        plain = Instances(
            found.image_size,
            pred_boxes=found.pred_boxes,
            pred_classes=found.pred_classes,
            scores=found.scores,
        )
        output["instances"] = Instances.cat([extra, plain])
    assert any(a.is_crowd for record in scenes.dataset.records for a in record.annotations)
    assert run(scenes, outputs).results().flat()["bbox/AP"] == pytest.approx(1.0)


def test_each_class_has_its_metrics_and_their_mean_is_the_whole(scenes):
    box = run(scenes, noisy_outputs(scenes.dataset)).results().tasks["bbox"]
    assert list(box.per_class) == ["cat", "dog", "emu"]
    mean = sum(metrics["AP"] for metrics in box.per_class.values()) / 3
    assert mean == pytest.approx(box.metrics["AP"])


def test_order_of_batches_and_of_the_dataset_does_not_matter(scenes):
    outputs = noisy_outputs(scenes.dataset)
    expected = run(scenes, outputs).results().flat()
    backwards = replace(scenes.dataset, records=scenes.dataset.records[::-1])
    evaluator = CocoEvaluator(backwards)
    for record, output in zip(scenes.inputs[::-1], outputs[::-1], strict=True):
        evaluator.process([record], [output])
    assert evaluator.results().flat() == expected


def test_nothing_found_gives_zeros(scenes):
    nothing = [{"instances": o["instances"][[]]} for o in true_outputs(scenes.dataset)]
    results = run(scenes, nothing).results()
    assert {metrics["AP"] for metrics in (t.metrics for t in results.tasks.values())} == {0.0}
    assert CocoEvaluator(scenes.dataset).results().flat()["bbox/AP"] == 0.0


def test_images_without_objects_leave_metrics_undefined(scenes):
    empty = Dataset(
        "empty",
        tuple(replace(record, annotations=()) for record in scenes.dataset.records),
        scenes.dataset.metadata,
    )
    evaluator = CocoEvaluator(empty, tasks=["bbox"])
    evaluator.process(scenes.inputs, noisy_outputs(scenes.dataset))
    results = evaluator.results()
    assert all(math.isnan(value) for value in results.flat().values())
    assert results.to_json()["tasks"]["bbox"]["metrics"]["AP"] is None
    assert "nan" in str(results)


def test_dataset_without_images_or_classes_leaves_metrics_undefined(scenes):
    for dataset in (
        replace(scenes.dataset, records=()),
        replace(scenes.dataset, records=(), metadata=type(scenes.dataset.metadata)()),
    ):
        results = CocoEvaluator(dataset, tasks=["bbox"]).results()
        assert math.isnan(results.flat()["bbox/AP"])


def test_sizes_without_objects_are_undefined_and_the_others_are_not(scenes):
    records = tuple(
        replace(r, annotations=tuple(replace(a, area=5000.0) for a in r.annotations))
        for r in scenes.dataset.records
    )
    evaluator = CocoEvaluator(replace(scenes.dataset, records=records))
    evaluator.process(scenes.inputs, true_outputs(scenes.dataset))
    flat = evaluator.results().flat()
    assert math.isnan(flat["bbox/APs"])
    assert flat["bbox/APm"] == pytest.approx(1.0)


def test_more_detections_count_where_more_are_allowed(scenes):
    few = run(scenes, true_outputs(scenes.dataset), tasks=["bbox"], max_detections=(1, 2)).results()
    assert set(few.tasks["bbox"].metrics) >= {"AR1", "AR2"}
    assert few.flat()["bbox/AP"] < 1.0


def test_annotations_without_area_are_measured(scenes):
    records = tuple(
        replace(r, annotations=tuple(replace(a, area=None) for a in r.annotations))
        for r in scenes.dataset.records
    )
    evaluator = CocoEvaluator(replace(scenes.dataset, records=records))
    evaluator.process(scenes.inputs, true_outputs(scenes.dataset))
    assert evaluator.results().flat()["segm/AP"] == pytest.approx(1.0)


def test_tasks_are_those_that_annotations_and_outputs_have(scenes):
    boxes_only = true_outputs(scenes.dataset)
    for output in boxes_only:
        output["instances"].remove("pred_masks")
        output["instances"].remove("pred_keypoints")
    assert set(run(scenes, boxes_only).results().tasks) == {"bbox"}
    with pytest.raises(InputError, match="'segm' needs 'pred_masks'"):
        run(scenes, boxes_only, tasks=["segm"]).results()


def test_unknown_task_is_refused_with_the_closest(scenes):
    with pytest.raises(InputError, match="Did you mean 'keypoints'"):
        CocoEvaluator(scenes.dataset, tasks=["keypoint"])


def test_task_without_annotations_is_refused(scenes):
    records = tuple(
        replace(r, annotations=tuple(replace(a, keypoints=None) for a in r.annotations))
        for r in scenes.dataset.records
    )
    with pytest.raises(InputError, match="nothing annotated for the task 'keypoints'"):
        CocoEvaluator(replace(scenes.dataset, records=records), tasks=["keypoints"])


def test_other_numbers_of_keypoints_are_refused(scenes):
    outputs = true_outputs(scenes.dataset)
    for output in outputs:
        output["instances"].pred_keypoints = output["instances"].pred_keypoints[:, :5]
    with pytest.raises(InputError, match=r"predicts 5 keypoints, but .* have 17"):
        run(scenes, outputs).results()
    with pytest.raises(InputError, match="3 keypoint sigmas for objects of 17"):
        run(scenes, true_outputs(scenes.dataset), keypoint_sigmas=[0.1] * 3).results()


def test_images_of_other_datasets_are_refused(scenes):
    evaluator, outputs = CocoEvaluator(scenes.dataset), true_outputs(scenes.dataset)
    with pytest.raises(InputError, match="no image with the id 5"):
        evaluator.process([{"image_id": 5}], outputs[:1])
    with pytest.raises(InputError, match="no 'image_id'"):
        evaluator.process([{"image": torch.zeros(3, 2, 2)}], outputs[:1])


def test_outputs_in_another_resolution_are_refused(scenes):
    small = Instances((80, 100), pred_boxes=Boxes([]), scores=[], pred_classes=[])
    with pytest.raises(InputError, match=r"80 high and 100 wide, the annotated image 200 and 260"):
        CocoEvaluator(scenes.dataset).process(scenes.inputs[:1], [{"instances": small}])


def test_outputs_that_do_not_fit_are_refused(scenes):
    evaluator, outputs = CocoEvaluator(scenes.dataset), true_outputs(scenes.dataset)
    with pytest.raises(InputError, match="6 images went in, but 1 came out"):
        evaluator.process(scenes.inputs, outputs[:1])
    with pytest.raises(InputError, match="a dict came out"):
        evaluator.process(scenes.inputs, {"loss": torch.zeros(())})
    with pytest.raises(InputError, match="no 'instances'; they have 'sem_seg'"):
        evaluator.process(scenes.inputs[:1], [{"sem_seg": torch.zeros(1, 2, 2)}])


def test_nothing_is_printed(scenes, capsys):
    run(scenes, noisy_outputs(scenes.dataset)).results()
    assert capsys.readouterr() == ("", "")


def test_evaluate_runs_the_model_over_all_batches_without_gradients(scenes):
    outputs = dict(
        zip((r["image_id"] for r in scenes.inputs), true_outputs(scenes.dataset), strict=True)
    )
    seen = []

    def predict(batch):
        assert not torch.is_grad_enabled()
        return [outputs[record["image_id"]] for record in batch]

    batches = [scenes.inputs[:4], scenes.inputs[4:]]
    results = evaluate(predict, batches, [CocoEvaluator(scenes.dataset)], on_batch=seen.append)
    assert seen == [4, 2]
    assert results.num_images == 6
    assert results.flat()["segm/AP"] == pytest.approx(1.0)
