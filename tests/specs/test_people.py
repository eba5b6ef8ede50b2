"""The model that ships finds people, and is small enough to ship."""

import numpy as np
import pytest
from PIL import Image

from composer.discovery import shipped_folder, shipped_models
from composer.explanation import Explainer
from composer.prediction import Predictor

PORTRAIT = shipped_folder("specs") / "examples" / "astronaut.jpg"
FACE = (210, 110)  # a pixel of the photograph, column and row
MAX_BYTES = 12_000_000


@pytest.fixture(scope="module")
def predictor():
    return Predictor()


def test_it_is_small_and_says_what_it_is(predictor):
    assert shipped_models()["people"].stat().st_size <= MAX_BYTES
    assert predictor.graph.spec.metadata.thing_classes == ("person",)


def test_the_woman_in_the_portrait_is_found_first(predictor):
    instances = predictor(PORTRAIT).instances
    best = int(instances.scores.argmax())
    assert instances.scores[best] > 0.8
    left, top, right, bottom = instances.pred_boxes.tensor[best].tolist()
    assert left < FACE[0] < right
    assert top < FACE[1] < bottom
    assert bool(instances.pred_masks[best, FACE[1], FACE[0]])
    assert len(instances) == 1


def test_at_the_size_for_close_ups_nobody_else_is_found():
    instances = Predictor(image_size=360)(PORTRAIT).instances
    assert len(instances) == 1
    assert instances.scores[0] > 0.9
    assert bool(instances.pred_masks[0, FACE[1], FACE[0]])


def test_nobody_is_found_on_a_blank_picture(predictor):
    blank = Image.fromarray(np.full((200, 300, 3), 128, dtype=np.uint8))
    assert len(predictor(blank).instances) == 0


@pytest.mark.slow
def test_the_person_in_the_portrait_comes_from_within_her_box(predictor):
    explainer = Explainer(predictor)
    opened = explainer.open(PORTRAIT)
    for of, at in (
        ("score", None),
        ("mask", None),
        ("mask", "roi_heads.mask_pooler"),
        ("score", "backbone.p5"),
    ):
        found = explainer(opened, 0, of=of, at=at)
        assert found.in_box > 0.9
        row, column = divmod(int(found.heat.argmax()), found.heat.shape[1])
        left, top, right, bottom = (*found.detection.corners[0], *found.detection.corners[2])
        assert left < column < right
        assert top < row < bottom
