"""Ready-made edits: zero, scale, noise, channels, means and patches."""

import pytest
import torch

from composer import ExecutionError, Graph, InputError
from composer.inside import drop_channels, keep_channels, mean, noise, patch, scale, zero
from composer.structures import Boxes, ImageBatch, ImageList, Instances
from sample_nodes import NODES

MAPS = {"p2": torch.rand(1, 4, 6, 8) + 1, "p3": torch.rand(1, 4, 3, 4) + 1}
SPEC = {
    "composer": 1,
    "inputs": {"x": "any"},
    "nodes": {
        "f": {"uses": "features", "inputs": {"x": "x"}},
        "a": {"uses": "shift", "inputs": {"x": "x"}},
        "b": {"uses": "scale", "inputs": {"x": "a"}},
    },
    "outputs": {"y": "b"},
}


@pytest.fixture
def graph():
    return Graph.from_spec(SPEC, nodes=NODES)


def test_zero_leaves_whole_numbers_and_forms():
    instances = Instances((5, 6), boxes=Boxes(torch.ones(2, 4)), classes=torch.tensor([3, 4]))
    images = ImageList(torch.ones(1, 3, 4, 4), [(4, 3)])
    found = zero({"i": [instances], "m": images})
    assert found["i"][0].boxes.tensor.sum() == 0
    assert found["i"][0].classes.tolist() == [3, 4]
    assert found["m"].tensor.sum() == 0
    assert found["m"].sizes == [(4, 3)]
    assert zero([]) == []


@pytest.mark.parametrize("value", ["text", torch.tensor([1, 2]), [torch.tensor(True)], None])
def test_what_has_no_numbers_is_not_changed_without_a_word(value):
    for edit in (zero, scale(2)):
        with pytest.raises(InputError, match="has no floating-point numbers to change"):
            edit(value)


def test_images_of_a_batch_stay_in_bytes():
    image = torch.full((3, 4, 5), 200, dtype=torch.uint8)
    batch = ImageBatch([{"image": image, "height": 4, "image_id": 7}])
    generator = torch.Generator().manual_seed(0)
    assert zero(batch)[0]["image"].tolist() == torch.zeros_like(image).tolist()
    assert scale(0.5)(batch)[0]["image"].unique().tolist() == [100]
    assert scale(2)(batch)[0]["image"].unique().tolist() == [255]
    assert noise(3, is_relative=False)(batch, generator)[0]["image"].dtype == torch.uint8
    assert zero(batch)[0]["image_id"] == 7
    assert batch[0]["image"] is image


def test_scale_multiplies():
    found = scale(0.5)(MAPS)
    assert torch.equal(found["p3"], MAPS["p3"] / 2)


def test_channels_are_kept_and_dropped():
    kept, dropped = keep_channels([0, 2])(MAPS), drop_channels(range(0, 4, 2))(MAPS)
    for name, whole in MAPS.items():
        assert torch.equal(kept[name][:, [0, 2]], whole[:, [0, 2]])
        assert kept[name][:, [1, 3]].abs().sum() == 0
        assert torch.equal(kept[name] + dropped[name], whole)
    rows = torch.rand(5, 4)
    assert torch.equal(drop_channels([])(rows), rows)
    assert keep_channels([])(rows).sum() == 0


@pytest.mark.parametrize("make", [keep_channels, drop_channels])
def test_channels_that_are_not_there_are_refused(make):
    with pytest.raises(InputError, match="there is no channel 4: there are 4, from 0 on"):
        make([4])(MAPS)
    with pytest.raises(InputError, match="there is no channel -1"):
        make([-1])(MAPS)
    with pytest.raises(InputError, match="channels are whole numbers from 0 on, not 'p2'"):
        make(["p2"])
    for value in (torch.ones(3), [Boxes(torch.ones(1, 4))]):
        with pytest.raises(InputError, match="has no channels"):
            make([0])(value)


@pytest.mark.parametrize("amount", ["1", None, float("nan"), True])
def test_amounts_that_are_no_numbers_are_refused(amount):
    for make in (scale, noise):
        with pytest.raises(InputError, match="is a finite number, not"):
            make(amount)
    with pytest.raises(InputError, match="the amount of noise is 0 or more, not -1"):
        noise(-1)


def test_noise_follows_the_seed_and_the_spread_of_the_value(graph):
    x = torch.randn(1, 4, 30, 30) * 10
    plain = graph.run(x, until="a")
    runs = [graph.run(x, until="a", edits={"a": noise(0.5)}, seed=s) - plain for s in (1, 1, 2)]
    assert torch.equal(runs[0], runs[1])
    assert not torch.equal(runs[0], runs[2])
    assert runs[0].std() / plain.std() == pytest.approx(0.5, rel=0.1)
    own = graph.run(x, until="a", edits={"a": noise(0.5, is_relative=False)}) - plain
    assert own.std() == pytest.approx(0.5, rel=0.1)
    empty = graph.run(torch.ones(0, 4), until="a", edits={"a": noise()})
    assert empty.shape == (0, 4)


def test_a_mean_is_that_of_each_channel_over_images_of_any_size(graph):
    inputs = [torch.rand(2, 3, 4, 5), torch.rand(1, 3, 7, 2)]
    edit = mean(graph, inputs)
    found = graph.run(torch.rand(1, 3, 2, 2), until="a", edits={"a": edit})
    flat = torch.cat([each.transpose(0, 1).flatten(1) for each in inputs], dim=1) + 1
    expected = flat.mean(1).reshape(1, 3, 1, 1).expand(1, 3, 2, 2)
    torch.testing.assert_close(found, expected)
    maps = graph.run(torch.rand(1, 3, 2, 2), until="f", edits={"f.p2": edit})
    torch.testing.assert_close(maps["p2"], expected - 1)


def test_a_mean_is_computed_without_the_edits_that_hold(graph):
    with graph.editing({"a": mean(graph, [torch.ones(2, 3)])}):
        assert torch.equal(graph(torch.zeros(1, 3))["y"], torch.full((1, 3), 4.0))


@pytest.mark.parametrize(
    ("inputs", "message"),
    [
        ([torch.rand(1, 2)], "has 2 channels at 'a', and 1x3 float32 has 3"),
        ([torch.rand(0, 3)], "the reference set has no floating-point numbers at 'a'"),
        ([torch.rand(1, 2), torch.rand(1, 3)], "at 'a' have different channels"),
    ],
)
def test_a_reference_set_that_does_not_fit_is_refused(graph, inputs, message):
    with pytest.raises(ExecutionError, match=message):
        graph.run(torch.rand(1, 3), until="a", edits={"a": mean(graph, inputs)})


def test_reference_sets_and_sessions_are_needed(graph):
    with pytest.raises(InputError, match="a reference set has one input at least"):
        mean(graph, [])
    with pytest.raises(InputError, match="a reference set is a list of inputs of the graph, not"):
        mean(graph, 3)
    with pytest.raises(InputError, match="a patch is from a session"):
        patch(graph)


def test_a_patch_is_the_value_of_another_run(graph):
    x, y = torch.rand(1, 4, 2, 2), torch.rand(1, 4, 2, 2)
    other, session = graph.session(y), graph.session(x)
    session.edit("a", patch(other))
    assert torch.equal(session["b"], other["b"])
    session.edit("a", patch(other, "b"))
    assert torch.equal(session["b"], other["b"] * 2)
    session.edit("f.p2", patch(other))
    assert torch.equal(session["f"]["p2"], y)
    session["f"]["p2"].zero_()
    assert torch.equal(other["f"]["p2"], y)


def test_a_patch_of_an_unknown_name_says_so(graph):
    session = graph.session(torch.ones(1, 2))
    session.edit("a", patch(session.fork(), "aa"))
    with pytest.raises(ExecutionError, match="there is no node, port or input 'aa'"):
        session["b"]


def test_several_edits_of_a_value_are_applied_in_order(graph):
    x = torch.ones(1, 2)
    edits = {"a": [scale(3), lambda value: value + 1]}
    assert torch.equal(graph.run(x, until="a", edits=edits), x * 7)
    session = graph.session(x, edits=edits)
    assert torch.equal(session["a"], x * 7)
    session.edit("a", [])
    assert torch.equal(session["a"], x * 2)


def test_a_fork_begins_with_what_is_there_and_changes_nothing(graph):
    session = graph.session(torch.ones(1, 2))
    before = session["a"]
    fork = session.fork()
    assert fork["a"] is before
    fork.edit("a", zero)
    assert fork["b"].sum() == 0
    assert session["a"] is before
    assert session.edited == ()
    fork["b"] = before
    assert session.replaced == ()


def test_a_part_of_a_value_is_read_by_its_name(graph):
    session = graph.session(torch.arange(4.0).reshape(1, 1, 2, 2))
    assert session.read("f.p2[0, 0, 1, 1]") == 3
    assert session.read("b.sum()") == 20


def test_a_mean_takes_a_list_of_images():
    document = {
        "composer": 1,
        "inputs": {"batch": "ImageBatch"},
        "nodes": {"images": {"uses": "first_image", "inputs": {"batch": "batch"}}},
    }
    graph = Graph.from_spec(document, nodes={"first_image": first_image})
    images = [{"image": torch.full((3, 2, 2), value)} for value in (0.0, 1.0)]
    for reference in (images, [[image] for image in images]):
        edits = {"images": mean(graph, reference)}
        assert torch.equal(graph.run(images[:1], until="images", edits=edits).unique(), MIDDLE)
    with pytest.raises(InputError, match="a mean is that of a graph's values, not int"):
        mean(3, images)


MIDDLE = torch.tensor([0.5])


def first_image(batch: ImageBatch) -> torch.Tensor:
    """The first image."""
    return batch.images[0]
