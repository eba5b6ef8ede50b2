"""What is recorded of several iterations at a time."""

from composer.events import EventStorage
from composer.training.recording import Means


def test_records_hold_means_and_the_last_value_of_what_wants_no_smoothing():
    means = Means()
    with EventStorage() as storage:
        for value in (1.0, 3.0):
            storage.put_scalar("loss", value)
            storage.put_scalar("lr", value, smoothing_hint=False)
            means.add(storage)
            storage.step()
    assert means.take() == {"loss": 2.0, "lr": 3.0}
    assert means.take() == {}
