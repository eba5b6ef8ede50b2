import pytest
import torch

from composer.events import EventStorage, get_event_storage, record_scalar


def test_scalars_are_kept_with_their_iterations():
    with EventStorage(start_iter=5) as storage:
        for value in (3.0, 1.0, 2.0):
            record_scalar("loss", value)
            storage.step()
    assert storage.iter == 8
    assert storage.latest() == {"loss": (2.0, 7)}
    assert storage.history("loss").values() == [(3.0, 5), (1.0, 6), (2.0, 7)]


def test_a_history_can_be_summarised():
    storage = EventStorage()
    for value in (10.0, 1.0, 5.0, 3.0):
        storage.put_scalar("loss", value)
    history = storage.history("loss")
    assert history.latest() == 3.0
    assert history.median(3) == 3.0
    assert history.avg(2) == 4.0
    assert history.global_avg() == 4.75
    assert list(storage.histories()) == ["loss"]


def test_a_storage_keeps_as_many_values_as_it_is_reported():
    storage = EventStorage(max_length=2)
    for value in (10.0, 1.0, 4.0):
        storage.put_scalar("loss", value)
        storage.step()
    assert storage.history("loss").values() == [(1.0, 1), (4.0, 2)]
    assert storage.history("loss").global_avg() == 5.0


def test_tensors_and_integers_become_numbers():
    storage = EventStorage()
    storage.put_scalars(count=3, loss=torch.tensor(0.5, requires_grad=True))
    assert storage.latest() == {"count": (3.0, 0), "loss": (0.5, 0)}


def test_without_a_storage_recording_does_nothing_and_asking_for_one_is_an_error():
    record_scalar("loss", 1.0)
    with pytest.raises(RuntimeError, match="no event storage"):
        get_event_storage()


def test_the_innermost_storage_takes_what_is_recorded():
    with EventStorage() as outer:
        with EventStorage() as inner:
            assert get_event_storage() is inner
            record_scalar("inside", 1.0)
        assert get_event_storage() is outer
        record_scalar("outside", 2.0)
    assert list(inner.latest()) == ["inside"]
    assert list(outer.latest()) == ["outside"]


def test_a_storage_can_be_opened_again():
    storage = EventStorage()
    for _ in range(2):
        with storage, storage:
            record_scalar("loss", 1.0)
    assert len(storage.history("loss").values()) == 2


def test_an_error_closes_the_storage():
    with pytest.raises(ZeroDivisionError), EventStorage() as storage, storage.name_scope("stage0"):
        raise ZeroDivisionError
    with pytest.raises(RuntimeError):
        get_event_storage()
    storage.put_scalar("loss", 1.0)
    assert list(storage.latest()) == ["loss"]


def test_scopes_come_before_names():
    with EventStorage() as storage, storage.name_scope("stage1/"):
        record_scalar("accuracy", 1.0)
        with storage.name_scope("masks"):
            record_scalar("accuracy", 0.5)
    assert list(storage.latest()) == ["stage1/accuracy", "stage1/masks/accuracy"]


def test_a_window_covers_iterations_and_not_values():
    storage = EventStorage(start_iter=100)
    for iteration in range(20):
        storage.put_scalar("each", iteration)
        if (iteration + 1) % 2 == 0:
            storage.put_scalar("second", iteration)
        if (iteration + 1) % 5 == 0:
            storage.put_scalar("fifth", iteration)
            storage.put_scalar("fifth", iteration + 1)
        storage.step()
    assert storage.latest_with_smoothing_hint(10) == {
        "each": (14.5, 119),
        "second": (15.0, 119),
        "fifth": (17.0, 119),
    }
    assert storage.history("fifth").count_since(10) == 4
    assert storage.history("fifth").count_since(1) == 2


def test_smoothing_is_for_those_scalars_that_want_it():
    storage = EventStorage()
    for value in (1.0, 9.0, 2.0):
        storage.put_scalar("loss", value)
        storage.put_scalar("lr", value, smoothing_hint=False)
        storage.step()
    assert storage.latest_with_smoothing_hint(3) == {"loss": (2.0, 2), "lr": (2.0, 2)}
    assert storage.latest_with_smoothing_hint(2) == {"loss": (5.5, 2), "lr": (2.0, 2)}
    with pytest.raises(ValueError, match="'lr' was recorded with another smoothing_hint"):
        storage.put_scalar("lr", 1.0)


def test_an_unknown_name_is_refused_with_those_that_there_are():
    storage = EventStorage()
    storage.put_scalar("loss", 1.0)
    with pytest.raises(KeyError, match=r"'los'; recorded: loss"):
        storage.history("los")
