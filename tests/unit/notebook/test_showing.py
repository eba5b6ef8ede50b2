"""Values of sessions as pictures."""

import pytest
import torch

from composer import NameResolutionError
from composer.notebook import show, showing
from specs.region_detectors import build, record


@pytest.fixture(scope="module")
def session():
    torch.manual_seed(1)
    return build("mask_rcnn_r50_fpn").session([record(64, 96), record(48, 64)], seed=1)


@pytest.mark.parametrize(
    ("name", "pictures"),
    [
        ("backbone", ["p2", "p3", "p4", "p5", "p6"]),
        ("backbone.p3", [""]),
        ("preprocess", ["[0]", "[1]"]),
        ("mask_pooler", [""]),
        ("proposal_generator.proposals", ["[0]", "[1]"]),
        ("roi_heads.instances", ["[0]", "[1]"]),
        ("proposal_generator.rpn_head.objectness", [f"[{level}]" for level in range(5)]),
        ("detections.scores", []),
        ("batch", []),
    ],
)
def test_a_value_is_shown_as_pictures(session, name, pictures):
    session["roi_heads.instances"]
    found = show(session, name)
    assert list(found.pictures) == pictures
    assert found._repr_html_().count("data:image/png") == len(pictures)
    assert repr(found).startswith(f"Shown({name}: ")


def test_boxes_lie_on_the_image_of_the_network(session):
    plain, boxes = (show(session, name) for name in ("preprocess", "proposal_generator.proposals"))
    assert (boxes.pictures["[0]"].width, boxes.pictures["[0]"].height) >= plain.pictures["[0]"].size


def test_instances_have_the_names_of_their_classes(session, monkeypatch):
    given = []
    draw = showing.draw_instances
    monkeypatch.setattr(
        showing, "draw_instances", lambda *all_: given.append(all_[2]) or draw(*all_)
    )
    show(session, "roi_heads.instances")
    assert given == [session.blueprint.spec.metadata] * 2


def test_an_unknown_name_is_refused(session):
    with pytest.raises(NameResolutionError, match="'backbone' has no 'p9'"):
        show(session, "backbone.p9")
