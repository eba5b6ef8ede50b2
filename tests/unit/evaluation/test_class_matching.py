"""Classes of a model and a dataset are matched by name, and told apart by id."""

import logging

import pytest
import torch

from composer.data import Dataset, Metadata
from composer.errors import InputError
from composer.evaluation.class_matching import MatchedClasses
from composer.language import SpecMetadata
from composer.structures import Instances


def match(names, wanted, own_ids=(), wanted_ids=()):
    """The dataset's class of each of the model's, -1 for none."""

    def predict(batch):
        classes = torch.arange(len(names))
        return [{"instances": Instances((4, 4), pred_classes=classes, at=classes)} for _ in batch]

    dataset = Dataset("data", (), Metadata(thing_classes=wanted, thing_ids=wanted_ids))
    spec = SpecMetadata(thing_classes=names, thing_ids=own_ids)
    (output,) = MatchedClasses(predict, spec, dataset)([{}])
    found = [-1] * len(names)
    instances = output["instances"]
    for at, number in zip(instances.at.tolist(), instances.pred_classes.tolist(), strict=True):
        found[at] = number
    return found


def test_classes_are_matched_by_name():
    assert match(("cat", "dog", "cow"), ("dog", "cat")) == [1, 0, -1]


def test_case_and_spaces_do_not_count_where_nothing_else_matches(caplog):
    with caplog.at_level(logging.WARNING):
        assert match(("Cat", "hot  dog", "cow"), ("cow", "hot dog ", "cat")) == [2, 1, 0]
    assert "the model's class 'Cat' is 'cat' of dataset 'data'" in caplog.text
    assert match(("Cat", "cat"), ("cat", "dog")) == [-1, 0]


def test_classes_of_one_name_are_told_apart_by_id_and_else_by_their_order():
    wanted = ("cat", "cat", "dog")
    assert match(("cat", "cat", "dog"), wanted) == [0, 1, 2]
    assert match(("dog", "cat", "cat"), wanted) == [2, 0, 1]
    assert match(("dog", "cat", "cat"), wanted, (9, 7, 3), (3, 7, 9)) == [2, 1, 0]
    assert match(("dog", "cat"), wanted, (9, 7), (3, 7, 9)) == [2, 1]


def test_classes_that_cannot_be_told_apart_are_refused():
    message = (
        r"1 classes 'cat' and dataset 'data' has 2.*\{'cat': \['cat \(id 3\)', 'cat \(id 7\)'\]\}"
    )
    with pytest.raises(InputError, match=message):
        match(("dog", "cat"), ("cat", "cat", "dog"), (), (3, 7, 9))


def test_classes_that_the_model_lacks_are_logged(caplog):
    with caplog.at_level(logging.WARNING):
        match(("cat", "cow"), ("dog", "cat"))
    assert "has not 1 of the classes of dataset 'data'" in caplog.text
    with pytest.raises(InputError, match="the model has none of the classes"):
        match(("cow",), ("dog", "cat"))


@pytest.mark.parametrize("names", [("0", "1"), ("category 3",), ("class_0", "class_1")])
def test_numbers_in_place_of_names_are_told_with_the_setting_that_names_them(names):
    with pytest.raises(InputError) as caught:
        match(("person", "dog"), names)
    assert f"""--set '*.categories={{person: ["{names[0]}"]}}'""" in str(caught.value)
