"""A graph, a dataset and nothing else: tasks, batches and classes are found."""

from dataclasses import replace

import pytest
import torch

from composer import Graph
from composer.construction import find_first_class
from composer.data import LoadingOptions, write_shape_dataset
from composer.data.readers.coco import coco
from composer.data.readers.coco_panoptic import coco_panoptic
from composer.data.sample_reading import read_sample
from composer.errors import DataError, InputError
from composer.evaluation import choose_tasks, evaluate_graph, make_batches, make_evaluators
from composer.structures import ImageBatch, Instances
from unit.evaluation.scenes import to_instances


@pytest.fixture(scope="module")
def dataset(tmp_path_factory):
    files = write_shape_dataset(tmp_path_factory.mktemp("shapes") / "shapes", num_images=3)
    return coco(annotations=files.annotations, images=files.images)


def make_graph(dataset, classes=None, shown=None, stuff=(), first_class=0):
    """A graph that knows the truth, and takes notes of the images that it is shown."""
    notes = [] if shown is None else shown

    def oracle(batch: ImageBatch, *, first_class: int = 0) -> list[Instances]:
        notes.extend((record["image_id"], tuple(record["image"].shape)) for record in batch)
        by_id = {record.image_id: record for record in dataset.records}
        found = [to_instances(by_id[record["image_id"]]) for record in batch]
        if classes:
            numbers = torch.tensor([classes.index(n) for n in dataset.metadata.thing_classes])
            for instances in found:
                instances.pred_classes = numbers[instances.pred_classes]
        for instances in found:
            instances.pred_classes = instances.pred_classes + first_class
        return found

    spec = {
        "composer": 1,
        "name": "oracle",
        "inputs": {"batch": {"type": "ImageBatch", "image": {"shortest_edge": 32}}},
        "nodes": {"oracle": {"uses": "oracle", "inputs": {"batch": "batch"}}},
        "outputs": {"inference": {"instances": "oracle"}},
        "set": {"oracle.first_class": first_class},
    }
    if classes:
        spec["metadata"] = {"thing_classes": classes, "stuff_classes": list(stuff)}
    return Graph.from_spec(spec, nodes={"oracle": oracle})


def test_graph_that_knows_the_truth_reaches_a_precision_of_one(dataset):
    results = evaluate_graph(make_graph(dataset), dataset)
    assert set(results.tasks) == {"bbox", "segm"}
    assert results.flat()["bbox/AP"] == pytest.approx(1.0)
    assert results.flat()["segm/AP"] == pytest.approx(1.0)
    assert results.num_images == 3


def test_images_come_in_batches_resized_as_the_graph_wants_them(dataset):
    shown, counts = [], []
    graph = make_graph(dataset, shown=shown)
    evaluate_graph(
        graph, dataset, tasks=["bbox"], on_batch=counts.append, loading=LoadingOptions(batch_size=2)
    )
    assert counts == [2, 1]
    assert {shape[1] for _, shape in shown} == {32}
    assert len({image_id for image_id, _ in shown}) == 3


def test_mode_of_every_module_is_kept(dataset):
    graph = make_graph(dataset)
    graph.add_module("frozen", torch.nn.Dropout())
    graph.train()
    graph.frozen.eval()
    evaluate_graph(graph, dataset, tasks=["bbox"])
    assert graph.training
    assert not graph.frozen.training


def test_classes_are_matched_by_name(dataset):
    names = ["cat", *reversed(dataset.metadata.thing_classes), "dog"]
    graph = make_graph(dataset, classes=names)
    assert evaluate_graph(graph, dataset).flat()["bbox/AP"] == pytest.approx(1.0)


@pytest.mark.parametrize("has_names", [False, True])
def test_classes_of_a_model_that_counts_from_another_number_are_those_of_the_dataset(
    dataset, has_names
):
    names = list(dataset.metadata.thing_classes) if has_names else None
    graph = make_graph(dataset, classes=names, first_class=1)
    assert evaluate_graph(graph, dataset).flat()["bbox/AP"] == pytest.approx(1.0)
    assert find_first_class(graph.blueprint) == 1


def test_classes_that_the_dataset_does_not_have_are_dropped(dataset):
    graph = make_graph(dataset, classes=list(dataset.metadata.thing_classes))
    discs = dataset.select_categories(["disc"])
    assert evaluate_graph(graph, discs).flat()["bbox/AP"] == pytest.approx(1.0)


def test_model_without_any_of_the_classes_is_refused(dataset):
    graph = make_graph(dataset, classes=list(dataset.metadata.thing_classes))
    metadata = replace(dataset.metadata, thing_classes=("squares", "b", "c"))
    with pytest.raises(InputError, match=r"none of the classes .* Did you mean 'square'"):
        evaluate_graph(graph, replace(dataset, metadata=metadata))


def test_class_beyond_those_of_the_dataset_is_refused(dataset):
    with pytest.raises(InputError, match=r"predicts class [12], but dataset .* has no more than 1"):
        evaluate_graph(make_graph(dataset), dataset.select_categories(["square"]))


@pytest.fixture(scope="module")
def scenery(tmp_path_factory):
    """Images with things and stuff; the classes of stuff are things, sky and ground."""
    folder = tmp_path_factory.mktemp("scenery") / "shapes"
    files = write_shape_dataset(folder, num_images=2, panoptic=True)
    return coco_panoptic(
        annotations=files.panoptic, images=files.images, panoptic=files.panoptic_images
    )


def measure_stuff(dataset, names, tasks=("sem_seg", "panoptic")):
    """A perfect model whose stuff has these names, measured."""
    graph = make_graph(dataset, classes=list(dataset.metadata.thing_classes), stuff=names)
    by_id = {record.image_id: record for record in dataset.records}
    numbers = [names.index(name) for name in dataset.metadata.stuff_classes if name in names]

    def predict(batch):
        outputs = []
        for record in (by_id[entry["image_id"]] for entry in batch):
            sample = read_sample(record, dataset.metadata)
            known = torch.nn.functional.one_hot(sample.sem_seg.clamp(max=2), 3)
            scores = torch.zeros(len(names), sample.height, sample.width)
            scores[numbers] = known.permute(2, 0, 1).float()
            infos = [segment.as_dict() for segment in record.segments]
            for info in infos:
                if not info["isthing"]:
                    info["category_id"] = numbers[info["category_id"]]
            outputs.append({"sem_seg": scores, "panoptic_seg": (sample.panoptic, infos)})
        return outputs

    return evaluate_graph(graph, dataset, tasks=list(tasks), predict=predict).flat()


def test_stuff_is_matched_by_name(scenery):
    assert len(scenery.metadata.stuff_classes) == 3
    names = list(scenery.metadata.stuff_classes)
    for changed in (names, ["sea", *reversed(names)]):
        metrics = measure_stuff(scenery, changed)
        assert metrics["sem_seg/mIoU"] == pytest.approx(1.0)
        assert metrics["panoptic/PQ"] == pytest.approx(1.0)


def test_model_without_any_of_the_stuff_is_refused(scenery):
    with pytest.raises(InputError, match="has none of the classes of stuff of dataset"):
        measure_stuff(scenery, ["sea", "lake", "river"])


def test_masks_of_an_image_that_cannot_be_read_are_missed(dataset, tmp_path):
    (tmp_path / "cut.png").write_bytes(dataset[0].file_name.read_bytes()[:20])
    unread = replace(dataset[0], file_name=tmp_path / "cut.png", height=None, width=None)
    damaged = replace(dataset, records=(unread, *dataset.records[1:]))
    metrics = evaluate_graph(make_graph(damaged), damaged).flat()
    assert 0 < metrics["segm/AP"] == pytest.approx(metrics["bbox/AP"])
    assert metrics["segm/AP"] < 0.9
    with pytest.raises(DataError, match=r"cut\.png"):
        evaluate_graph(make_graph(damaged), damaged, loading=LoadingOptions(on_fault="refuse"))


def test_tasks_are_those_that_dataset_and_outputs_serve(dataset):
    assert choose_tasks(dataset) == ["bbox", "segm"]
    assert choose_tasks(dataset, ["proposals"]) == ["proposals"]
    assert choose_tasks(dataset, ["sem_seg"]) == []
    with pytest.raises(InputError, match=r"nothing annotated that can be compared with .* sem_seg"):
        make_evaluators(dataset, outputs=["sem_seg"])
    with pytest.raises(InputError, match="Did you mean 'panoptic'"):
        make_evaluators(dataset, ["panoptics"])


def test_batches_cover_every_image_once(dataset):
    ids = [r["image_id"] for batch in make_batches(make_graph(dataset), dataset) for r in batch]
    assert sorted(ids) == sorted(record.image_id for record in dataset.records)


def test_graph_without_images_is_refused(dataset):
    def double(x: torch.Tensor) -> torch.Tensor:
        return x * 2

    spec = {
        "composer": 1,
        "name": "double",
        "inputs": {"x": "any"},
        "nodes": {"double": {"uses": "double", "inputs": {"x": "x"}}},
        "outputs": {"y": "double"},
    }
    with pytest.raises(InputError, match="'double' takes no batch of images"):
        evaluate_graph(Graph.from_spec(spec, nodes={"double": double}), dataset, tasks=["bbox"])
