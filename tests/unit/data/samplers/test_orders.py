"""Orders follow from a seed and a size, and nothing is forgotten."""

from itertools import islice

import pytest
from hypothesis import given
from hypothesis import strategies as st

from composer.data.samplers import (
    InferenceSampler,
    TrainingSampler,
    group_by_shape,
    make_batches,
    repeat_batches,
)
from composer.errors import InputError


def test_an_epoch_has_every_record_once_and_epochs_differ():
    order = list(islice(TrainingSampler(20, seed=5), 60))
    epochs = [order[:20], order[20:40], order[40:]]
    assert all(sorted(epoch) == list(range(20)) for epoch in epochs)
    assert epochs[0] != epochs[1] != epochs[2]


def test_the_order_follows_from_the_seed():
    first, again, other = (list(islice(TrainingSampler(20, seed=s), 50)) for s in (1, 1, 2))
    assert first == again
    assert first != other


def test_without_shuffling_records_come_in_order():
    assert list(islice(TrainingSampler(3, shuffle=False), 7)) == [0, 1, 2, 0, 1, 2, 0]


def test_an_empty_dataset_is_refused():
    with pytest.raises(InputError, match="no records"):
        TrainingSampler(0)


@given(st.integers(0, 40), st.integers(1, 7))
def test_processes_divide_the_records_evenly_and_in_order(size, world_size):
    parts = [list(InferenceSampler(size, rank=r, world_size=world_size)) for r in range(world_size)]
    assert [index for part in parts for index in part] == list(range(size))
    assert max(map(len, parts)) - min(map(len, parts)) <= 1


@given(st.lists(st.integers(0, 9), max_size=60), st.integers(1, 4))
def test_batches_hold_one_group_each_and_positions_tell_the_order(order, batch_size):
    groups = [index % 3 for index in range(10)]
    batches = list(make_batches(order, batch_size, groups))
    tickets = [ticket for batch in batches for ticket in batch]
    assert all(len(batch) == batch_size for batch in batches)
    assert all(len({groups[ticket.record] for ticket in batch}) == 1 for batch in batches)
    assert all(order[ticket.position] == ticket.record for ticket in tickets)
    assert len({ticket.position for ticket in tickets}) == len(tickets)
    assert len(order) - len(tickets) <= 3 * (batch_size - 1)


def test_wide_images_are_one_group_and_all_others_another():
    assert group_by_shape([(30, 40), (40, 30), (30, 30)]) == [0, 1, 1]


@given(
    st.integers(1, 12),
    st.integers(1, 5),
    st.integers(1, 3),
    st.lists(st.integers(0, 1), min_size=12, max_size=12),
    st.integers(0, 40),
)
def test_repeated_batches_have_all_samples_in_each_round(size, batch_size, rounds, groups, start):
    def repeat(start=0):
        order = TrainingSampler(size, seed=3)
        return repeat_batches(order, rounds * size, batch_size, groups, seed=3, start=start)

    counts = [sum(groups[i] == group for i in range(size)) * rounds for group in (0, 1)]
    length = sum(-(-count // batch_size) for count in counts)
    found = list(islice(repeat(), 3 * length))
    assert all(len(batch) == batch_size for batch in found)
    assert all(len({groups[ticket.record] for ticket in batch}) == 1 for batch in found)
    parts = [found[at : at + length] for at in range(0, 3 * length, length)]
    for part in parts:
        assert {ticket.position for batch in part for ticket in batch} == set(range(rounds * size))
        assert sorted(part) == sorted(parts[0])
    assert list(islice(repeat(start), 5)) == list(islice(repeat(), start, start + 5))


def test_repeated_batches_come_in_another_order_in_each_round():
    found = list(islice(repeat_batches(TrainingSampler(20, seed=1), 20, 2, seed=1), 30))
    assert found[:10] != found[10:20] != found[20:]
    with_another_seed = list(islice(repeat_batches(TrainingSampler(20, seed=1), 20, 2), 30))
    assert with_another_seed[:10] == found[:10]
    assert with_another_seed[10:] != found[10:]
