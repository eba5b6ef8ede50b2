import copy
import pickle

import pytest
import torch

from composer.structures import Boxes, Instances, PolygonMasks


@pytest.fixture
def instances():
    return Instances(
        (30, 40),
        pred_boxes=Boxes([[0.0, 0.0, 1.0, 1.0], [1.0, 1.0, 3.0, 3.0], [2.0, 2.0, 9.0, 9.0]]),
        scores=torch.tensor([0.9, 0.5, 0.1]),
        names=["a", "b", "c"],
    )


def test_fields_are_attributes(instances):
    instances.pred_classes = torch.tensor([1, 2, 3])
    assert instances.image_size == (30, 40)
    assert instances.scores is instances.get("scores")
    assert instances.has("pred_classes")
    assert list(instances.get_fields()) == ["pred_boxes", "scores", "names", "pred_classes"]


def test_a_field_can_be_removed(instances):
    instances.remove("names")
    del instances.scores
    assert list(instances.get_fields()) == ["pred_boxes"]


def test_a_missing_field_is_an_attribute_error_that_helps(instances):
    with pytest.raises(AttributeError, match=r"no field 'score'\. Did you mean 'scores'\?"):
        instances.score  # noqa: B018
    with pytest.raises(AttributeError, match="Fields: pred_boxes, scores, names"):
        instances.remove("gt_classes")
    assert not hasattr(instances, "gt_classes")
    assert getattr(instances, "gt_classes", None) is None


def test_a_field_of_another_length_is_refused(instances):
    with pytest.raises(ValueError, match="'gt_ids' has 2 entries, but 'pred_boxes' has 3"):
        instances.gt_ids = torch.zeros(2)


def test_a_field_without_a_length_is_refused(instances):
    with pytest.raises(TypeError, match="no length"):
        instances.count = 3


@pytest.mark.parametrize("name", ["image_size", "to", "has"])
def test_names_of_its_own_cannot_be_fields(instances, name):
    with pytest.raises(AttributeError, match="cannot be a field"):
        setattr(instances, name, torch.zeros(3))


def test_the_only_field_may_change_its_length():
    instances = Instances((1, 1), scores=torch.zeros(3))
    instances.scores = torch.zeros(5)
    assert len(instances) == 5


@pytest.mark.parametrize(
    ("index", "names"),
    [
        (0, ["a"]),
        (-1, ["c"]),
        (slice(0, 2), ["a", "b"]),
        (slice(None, None, 2), ["a", "c"]),
        (torch.tensor([True, False, True]), ["a", "c"]),
        (torch.tensor([2, 0]), ["c", "a"]),
        (torch.tensor(1), ["b"]),
        (torch.tensor([], dtype=torch.long), []),
        ([1, 1], ["b", "b"]),
    ],
)
def test_indexing_selects_from_every_field(instances, index, names):
    picked = instances[index]
    assert picked.names == names
    assert len(picked.pred_boxes) == len(picked.scores) == len(picked) == len(names)
    assert picked.image_size == (30, 40)


@pytest.mark.parametrize("index", [3, -4, torch.tensor([True])])
def test_an_index_out_of_range_is_refused(instances, index):
    with pytest.raises(IndexError):
        instances[index]


def test_it_cannot_be_iterated(instances):
    with pytest.raises(NotImplementedError, match="not iterable"):
        iter(instances)


def test_without_fields_there_is_no_length():
    with pytest.raises(NotImplementedError, match="no length"):
        len(Instances((1, 1)))


def test_cat_joins_every_field(instances):
    joined = Instances.cat([instances, instances[:1]])
    assert joined.names == ["a", "b", "c", "a"]
    assert torch.equal(joined.pred_boxes.tensor[3], instances.pred_boxes.tensor[0])
    assert joined.scores.tolist() == pytest.approx([0.9, 0.5, 0.1, 0.9])


def test_cat_of_what_does_not_belong_together_is_refused(instances):
    with pytest.raises(ValueError, match="no Instances"):
        Instances.cat([])
    with pytest.raises(ValueError, match="cannot be joined"):
        Instances.cat([instances, Instances((1, 1), scores=torch.zeros(1))])
    with pytest.raises(ValueError, match="type range cannot be joined"):
        Instances.cat([Instances((1, 1), ids=range(3))] * 2)
    with pytest.raises(ValueError, match="with fields"):
        Instances.cat([instances, Instances((30, 40), scores=torch.zeros(1))])


def test_it_moves_what_can_move(instances):
    instances.gt_masks = PolygonMasks([[[0, 0, 1, 0, 1, 1]]] * 3)
    moved = instances.to("meta")
    assert moved.scores.device == moved.pred_boxes.device == torch.device("meta")
    assert moved.names == ["a", "b", "c"]
    assert instances.scores.device == torch.device("cpu")


def test_its_tensors_are_those_of_its_fields(instances):
    instances.extra = [torch.zeros(1), torch.zeros(2), torch.zeros(3)]
    assert [tensor.numel() for tensor in instances.tensors()] == [12, 3, 1, 2, 3]
    negated = instances.map_tensors(torch.neg)
    assert negated.scores[0] == -instances.scores[0]
    assert isinstance(negated.pred_boxes, Boxes)


def test_it_can_be_copied_and_pickled(instances):
    assert copy.deepcopy(instances).names == ["a", "b", "c"]
    assert pickle.loads(pickle.dumps(instances)).image_size == (30, 40)


def test_it_describes_itself(instances):
    assert "num_instances=3, image_height=30, image_width=40" in repr(instances)
    assert "scores: [0.9, 0.5, 0.1]" in str(instances)
    assert instances.summary() == "3 instances"
    assert Instances((1, 2)).summary() == "0 instances"


def test_the_repr_is_short_and_shows_few_numbers():
    found = Instances(
        (30, 40),
        pred_boxes=Boxes(torch.ones(9, 4)),
        scores=torch.linspace(0.9, 0.1, 9),
        pred_masks=torch.zeros(9, 30, 40, dtype=torch.bool),
        names=["a"] * 9,
    )
    assert repr(found) == (
        "Instances(num_instances=9, image_height=30, image_width=40, fields=[pred_boxes: 9 boxes, "
        "scores: [0.9, 0.8, 0.7, 0.6, 0.5, ...], pred_masks: 9x30x40 bool, names: 9 list])"
    )
    assert "num_instances=0" in repr(Instances((3, 4)))


def test_a_notebook_shows_a_table():
    found = Instances(
        (30, 40),
        pred_boxes=Boxes(torch.tensor([[1.25, 2.0, 3.0, 4.0]] * 25)),
        scores=torch.full((25,), 0.5, requires_grad=True),
        pred_classes=torch.arange(25),
        pred_masks=torch.ones(25, 2, 2, dtype=torch.bool),
        names=["<b>"] * 25,
    )
    shown = found._repr_html_()
    assert "25 instances in an image of 30 x 40" in shown
    assert shown.count("<tr>") == 21
    assert "1.2, 2.0, 3.0, 4.0" in shown
    assert "4 of 4" in shown
    assert "&lt;b&gt;" in shown
    assert "... and 5 more" in shown
    assert "<tbody></tbody>" in Instances((3, 4))._repr_html_()
