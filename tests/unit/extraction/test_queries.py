"""Rows of detections that object queries give: each has the numbers of its query."""

import pytest
import torch

pytest.importorskip("transformers", reason="the extra 'transformers' is not installed")

from composer.errors import InputError
from transformers_models import build_ours, build_theirs


@pytest.fixture(scope="module")
def make_detector():
    """Makes a small detector with queries by its kind; each once."""
    made = {}

    def make(kind):
        if kind not in made:
            torch.manual_seed(0)
            made[kind] = build_ours(kind, build_theirs(kind)).eval()
        return made[kind]

    return make


# Of each query the best class, and the best classes of all queries, of which one may have several.
@pytest.mark.parametrize("kind", ["detr", "deformable_detr", "rt_detr", "yolos"])
def test_a_detection_has_the_numbers_of_its_query(make_detector, photo, kind):
    graph = make_detector(kind)
    wanted = ["predictions.logits", "predictions.boxes"]
    rows = list(graph.extract(photo, wanted, per="detection", score_threshold=0))
    assert len({row["query"] for row in rows}) > 1
    (whole,) = graph.extract(photo, wanted, per="image")
    for row in rows:
        assert torch.equal(row["predictions.logits"], whole["predictions.logits"][-1][row["query"]])
        center = row["predictions.boxes"][:2] * torch.tensor([row["width"], row["height"]])
        left, top, right, bottom = row["box"]
        middle = torch.stack([left + right, top + bottom]) / 2
        torch.testing.assert_close(center, middle, rtol=1e-4, atol=1e-3)
        logits = row["predictions.logits"]
        few = kind in ("detr", "yolos")  # with a class of no object
        chances = logits.softmax(0) if few else logits.sigmoid()
        assert chances[row["class"]].item() == pytest.approx(row["score"], abs=1e-6)


@pytest.mark.parametrize("kind", ["mask2former", "maskformer"])
def test_an_instance_has_the_numbers_of_its_query(make_detector, photo, kind):
    graph = make_detector(kind)
    names = ["predictions", "decoder.masks"]
    rows = list(graph.extract(photo, names, per="detection", score_threshold=0))
    assert len({row["query"] for row in rows}) > 1
    (whole,) = graph.extract(photo, names, per="image")
    for row in rows:
        for name in names:
            assert torch.equal(row[name], whole[name][-1][row["query"]])
        chance = row["predictions"].softmax(0)[row["class"]].item()
        assert 0.5 <= row["score"] / chance <= 1  # times the certainty of the mask


def test_queries_have_the_states_of_their_detections(make_detector, photo):
    graph = make_detector("detr")
    rows = list(graph.extract(photo, "decoder", per="detection", score_threshold=0))
    (whole,) = graph.extract(photo, "decoder", per="image")
    num_layers, num_queries, num_channels = whole["decoder"].shape
    assert (num_layers, num_queries) == (3, 6)
    for row in rows:
        assert row["decoder"].shape == (num_channels,)
        assert torch.equal(row["decoder"], whole["decoder"][-1, row["query"]])


def test_what_has_no_row_for_a_query_is_refused(make_detector, photo):
    graph = make_detector("detr")
    with pytest.raises(InputError, match="has one value an image, not one a detection"):
        graph.extract(photo, "encoder", per="detection")
    with pytest.raises(InputError, match="one value an object query, not one a region"):
        graph.extract(photo, "decoder", per="region")
    with pytest.raises(InputError, match="has no regions that detections come from"):
        graph.extract(photo, per="region")
