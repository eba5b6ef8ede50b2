"""The same images come in the same batches, whatever prepares them."""

import multiprocessing
import signal
import subprocess
from dataclasses import replace
from itertools import islice

import pytest
import torch

from composer.data import (
    Dataset,
    InferenceBatches,
    LoadingOptions,
    Mapper,
    Metadata,
    TrainingBatches,
)
from composer.data.augmentations import CopyPaste, RandomFlip, ResizeShortestEdge
from composer.data.loading.fetcher import report_in_worker
from composer.errors import DataError, InputError
from unit.data.some_samples import write_dataset

MAPPER = Mapper([ResizeShortestEdge(shortest_edge=[12, 24], sampling="range"), RandomFlip()])


@pytest.fixture
def dataset(tmp_path):
    return write_dataset(tmp_path)


def take(batches, count):
    return list(islice(batches, count))


def facts(batches):
    """All that augmentations leave to chance, and all that the order says."""
    return [
        [
            (p["image_id"], tuple(p["image"].shape), p["instances"].gt_boxes.tensor.tolist())
            for p in batch
        ]
        for batch in batches
    ]


def test_the_number_of_workers_changes_nothing(dataset):
    expected = facts(
        take(TrainingBatches(dataset, MAPPER, LoadingOptions(batch_size=2, seed=3)), 6)
    )
    for num_workers in (1, 2):
        batches = TrainingBatches(
            dataset, MAPPER, LoadingOptions(batch_size=2, seed=3, num_workers=num_workers)
        )
        assert facts(take(batches, 6)) == expected


def test_the_seed_changes_what_images_become(dataset):
    ours, theirs = (
        facts(take(TrainingBatches(dataset, MAPPER, LoadingOptions(batch_size=2, seed=seed)), 6))
        for seed in (1, 2)
    )
    assert ours != theirs


def test_a_training_goes_on_where_it_stopped(dataset):
    whole = take(TrainingBatches(dataset, MAPPER, LoadingOptions(batch_size=2, seed=3)), 9)
    resumed = TrainingBatches(dataset, MAPPER, LoadingOptions(batch_size=2, seed=3))
    resumed.seek(5)
    rest = take(resumed, 4)
    assert resumed.position == 9
    assert facts(rest) == facts(whole[5:])
    assert facts(take(resumed, 1)) == facts(
        take(TrainingBatches(dataset, MAPPER, LoadingOptions(batch_size=2, seed=3)), 10)[9:]
    )


def test_processes_get_the_parts_of_the_batches_that_one_would_get(dataset):
    joint = take(TrainingBatches(dataset, MAPPER, LoadingOptions(batch_size=4, seed=3)), 4)
    parts = [
        take(
            TrainingBatches(
                dataset, MAPPER, LoadingOptions(batch_size=4, seed=3, rank=rank, world_size=2)
            ),
            4,
        )
        for rank in range(2)
    ]
    assert facts([ours + theirs for ours, theirs in zip(*parts, strict=True)]) == facts(joint)


def test_the_global_generator_is_left_alone(dataset):
    torch.manual_seed(0)
    expected = torch.rand(1)
    torch.manual_seed(0)
    take(TrainingBatches(dataset, MAPPER, LoadingOptions(batch_size=2, num_workers=1)), 2)
    assert torch.equal(torch.rand(1), expected)


def test_batches_hold_wide_images_or_tall_ones(dataset):
    for batch in take(TrainingBatches(dataset, MAPPER, LoadingOptions(batch_size=2, seed=1)), 6):
        assert len({prepared["width"] > prepared["height"] for prepared in batch}) == 1


@pytest.mark.parametrize("num_workers", [0, 1])
def test_a_bad_image_is_reported_once_and_replaced_by_the_next(dataset, caplog, num_workers):
    bad = dataset[2].file_name
    bad.write_bytes(bad.read_bytes()[:40])
    batches = TrainingBatches(
        dataset,
        MAPPER,
        LoadingOptions(batch_size=5, num_workers=num_workers),
        aspect_grouping=False,
    )
    ids = [sorted(p["image_id"] for p in batch) for batch in take(batches, 3)]
    assert ids == [[0, 1, 3, 3, 4]] * 3
    assert batches.bad_images[str(bad)] >= 3
    assert caplog.text.count(str(bad)) == 1


def test_another_attempt_draws_other_partners(dataset):
    """A bad image that augmentations take from is not drawn again and again."""
    bad = dataset[2]
    mapper = Mapper([CopyPaste(probability=1.0)], partners=dataset.records)
    good = replace(dataset, records=tuple(record for record in dataset if record is not bad))
    bad.file_name.unlink()
    batches = TrainingBatches(
        good, mapper, LoadingOptions(batch_size=4, seed=3), aspect_grouping=False
    )
    ids = [sorted(p["image_id"] for p in batch) for batch in take(batches, 12)]
    assert ids == [[0, 1, 3, 4]] * 12
    assert set(batches.bad_images) == {str(bad.file_name)}


@pytest.mark.parametrize("num_workers", [0, 1])
def test_a_bad_image_is_refused_if_the_user_says_so(dataset, num_workers):
    dataset[2].file_name.unlink()
    batches = TrainingBatches(
        dataset, MAPPER, LoadingOptions(batch_size=5, num_workers=num_workers, on_fault="refuse")
    )
    with pytest.raises(DataError, match=r"2\.png: there is no such file"):
        take(batches, 3)


def test_a_training_without_any_usable_image_stops(dataset):
    for record in dataset:
        record.file_name.unlink()
    with pytest.raises(DataError, match="5 images in a row cannot be used"):
        take(TrainingBatches(dataset, MAPPER, LoadingOptions(batch_size=2)), 1)


def test_an_image_of_another_size_than_its_annotations_is_bad(dataset):
    bad = dataset[1]
    bad.file_name.write_bytes(dataset[0].file_name.read_bytes())
    with pytest.raises(DataError, match="30 high and 40 wide, its annotations are for 40 and 30"):
        take(InferenceBatches(dataset, MAPPER, LoadingOptions(batch_size=5, on_fault="refuse")), 1)


@pytest.mark.parametrize("num_workers", [0, 2])
def test_evaluation_sees_every_image_once_in_order(dataset, num_workers):
    batches = InferenceBatches(
        dataset, MAPPER, LoadingOptions(batch_size=2, num_workers=num_workers)
    )
    assert len(batches) == 3
    assert [[p["image_id"] for p in batch] for batch in batches] == [[0, 1], [2, 3], [4]]


def test_evaluation_divides_images_among_processes(dataset):
    parts = [
        InferenceBatches(dataset, MAPPER, LoadingOptions(rank=r, world_size=2)) for r in range(2)
    ]
    assert [[b[0]["image_id"] for b in part] for part in parts] == [[0, 1, 2], [3, 4]]


def test_evaluation_leaves_a_bad_image_out(dataset):
    dataset[4].file_name.unlink()
    batches = InferenceBatches(dataset, MAPPER, LoadingOptions(batch_size=2))
    assert [p["image_id"] for batch in batches for p in batch] == [0, 1, 2, 3]
    assert list(batches.bad_images.values()) == [1]


def test_a_batch_that_cannot_be_divided_is_refused(dataset):
    with pytest.raises(InputError, match="3 images cannot be divided among 2 processes"):
        TrainingBatches(dataset, MAPPER, LoadingOptions(batch_size=3, world_size=2))


def test_nothing_to_train_on_is_refused():
    with pytest.raises(InputError, match="no records"):
        TrainingBatches(Dataset("none", (), Metadata()), MAPPER, LoadingOptions(batch_size=1))


@pytest.mark.skipif(not hasattr(signal, "sigwaitinfo"), reason="senders of signals are not told")
def test_workers_go_on_when_others_send_them_the_signal_to_end(dataset):
    batches = iter(TrainingBatches(dataset, MAPPER, LoadingOptions(batch_size=2, num_workers=1)))
    next(batches)
    (worker,) = multiprocessing.active_children()
    subprocess.run(["kill", "-TERM", str(worker.pid)], check=True)
    assert len(list(islice(batches, 5))) == 5
    assert worker.is_alive()
    worker.terminate()
    worker.join(10)
    assert worker.exitcode == 0


def test_a_worker_whose_partner_is_gone_keeps_quiet(capsys):
    for error in (BrokenPipeError(), ConnectionResetError(), EOFError()):
        report_in_worker(type(error), error, None)
    assert capsys.readouterr().err == ""
    report_in_worker(ValueError, ValueError("a fault"), None)
    assert "ValueError: a fault" in capsys.readouterr().err
