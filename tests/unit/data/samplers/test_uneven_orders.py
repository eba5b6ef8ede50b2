"""Orders in which some records come more often than others."""

from collections import Counter
from itertools import islice

import pytest

from composer.data import Annotation, Dataset, Metadata, Record
from composer.data.samplers import (
    RepeatFactorSampler,
    SamplerSettings,
    TrainingSampler,
    WeightedSampler,
    find_repeat_factors,
)
from composer.errors import InputError


def make_record(number, *categories):
    box = (0.0, 0.0, 1.0, 1.0)
    return Record(
        f"{number}.jpg", number, annotations=tuple(Annotation(box, c) for c in categories)
    )


def take(sampler, count):
    return list(islice(sampler, count))


def test_factors_follow_the_formula_of_lvis():
    # Class 0 is on 4 of 8 images, class 1 on 2 (twice on one), class 2 on 1; an image has none.
    found = [(0,), (0,), (0, 1), (0,), (1, 1), (2,), (), ()]
    records = [make_record(number, *categories) for number, categories in enumerate(found)]
    once, rare, rarer = 1.0, (0.5 / (2 / 8)) ** 0.5, (0.5 / (1 / 8)) ** 0.5
    expected = [once, once, rare, once, rare, rarer, once, once]
    assert find_repeat_factors(records, 0.5) == pytest.approx(expected)


def test_images_come_as_often_as_their_factors_say():
    order = take(RepeatFactorSampler([1.0, 2.0, 1.5], seed=1), 4500)
    counts = Counter(order)
    assert counts[1] / counts[0] == pytest.approx(2.0, rel=0.01)
    assert counts[2] / counts[0] == pytest.approx(1.5, rel=0.05)


def test_repeats_follow_from_the_seed():
    first, again, other = (
        take(RepeatFactorSampler([1.0, 2.0, 1.5], seed=s), 50) for s in (1, 1, 2)
    )
    assert first == again
    assert first != other


def test_datasets_come_in_proportion_and_records_of_one_evenly():
    order = take(WeightedSampler([10, 1000], [1.0, 3.0], seed=1), 8000)
    small = [index for index in order if index < 10]
    assert len(small) == pytest.approx(2000, rel=0.1)
    assert max(Counter(small).values()) - min(Counter(small).values()) <= 1
    assert len(set(order)) == 1010


def test_a_dataset_without_weight_may_be_empty():
    assert set(take(WeightedSampler([0, 3], [0.0, 1.0]), 30)) == {0, 1, 2}


@pytest.mark.parametrize(
    ("sizes", "weights", "message"),
    [
        ([1, 2], [1.0], "1 weights for 2 datasets"),
        ([1, 2], [0.0, 0.0], "more than 0"),
        ([1, 2], [-1.0, 2.0], "not negative"),
        ([0, 2], [1.0, 1.0], "no records"),
    ],
)
def test_weights_that_make_no_sense_are_refused(sizes, weights, message):
    with pytest.raises(InputError, match=message):
        WeightedSampler(sizes, weights)


DATASETS = [
    Dataset("one", (make_record(1, 0), make_record(2, 0)), Metadata(("a", "b"))),
    Dataset("other", (make_record(3, 1),), Metadata(("a", "b"))),
]


def make(**settings):
    return SamplerSettings.model_validate(settings).make(DATASETS, seed=0)


def test_settings_make_the_sampler_that_they_name():
    assert make().shuffle
    assert take(make(uses="in_order"), 4) == [0, 1, 2, 0]
    assert isinstance(make(uses="shuffled"), TrainingSampler)
    factors = make(uses="repeat_factor", threshold=1.0).factors.tolist()
    assert factors == pytest.approx([1.5**0.5, 1.5**0.5, 3**0.5])
    assert make(uses="weighted", weights={"other": 3}).weights.tolist() == [1, 3]


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"uses": "weighted"}, "needs 'weights'"),
        ({"uses": "shuffled", "threshold": 0.1}, "has no 'threshold'"),
        ({"uses": "repeat_factor", "threshold": 2.0}, "less than or equal to 1"),
    ],
)
def test_settings_that_make_no_sense_are_refused(settings, message):
    with pytest.raises(ValueError, match=message):
        SamplerSettings.model_validate(settings)


def test_a_weight_for_no_dataset_is_refused_with_the_closest_name():
    with pytest.raises(InputError, match=r"no dataset 'othr' here\. Did you mean 'other'"):
        make(uses="weighted", weights={"othr": 3})
