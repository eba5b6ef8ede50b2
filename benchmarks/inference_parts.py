"""The parts of a Mask R-CNN, each run on its own with what the same graph gives it."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, NamedTuple

from composer import Graph

_RPN = ("rpn_head.objectness", "rpn_head.deltas")
_LOGITS = ("box_predictor.class_logits", "box_predictor.box_deltas")
_FOUND = ("detections.boxes", "detections.scores", "detections.classes")
# Name, what is fed, and what is asked for. Values that an engine gives together are together here.
_PARTS: tuple[tuple[str, Sequence[str], Sequence[str]], ...] = (
    ("image", ("batch",), ("preprocess.images",)),
    ("backbone, pyramid, RPN head", ("preprocess.images",), ("backbone", *_RPN)),
    (
        "proposals",
        ("preprocess.images", "backbone", *_RPN),
        ("proposals.boxes",),
    ),
    ("box pooling", ("backbone", "proposals.boxes"), ("box_pooler",)),
    ("box head", ("box_pooler",), _LOGITS),
    ("detections", ("preprocess.images", "proposals.boxes", *_LOGITS), _FOUND),
    ("mask pooling", ("backbone", "detections.boxes"), ("mask_pooler",)),
    ("mask head", ("mask_pooler",), ("mask_head",)),
    (
        "masks, pasted",
        ("batch", "preprocess.images", "mask_head", *_FOUND),
        ("postprocess",),
    ),
)


class Part(NamedTuple):
    """A part of a graph.

    Args:
        name: its name.
        run: runs it.
    """

    name: str
    run: Callable[[], Any]


def list_parts(graph: Graph, batch: Any) -> list[Part]:
    """The parts of a graph, each of which ran once.

    Args:
        graph: a Mask R-CNN with a pyramid.
        batch: what it runs on.
    """
    known: dict[str, Any] = {"batch": batch}
    parts = []
    for name, fed, until in _PARTS:
        feeds = {slot: known[slot] for slot in fed}
        run = partial(graph.run, feeds=feeds, until=list(until))
        found: dict[str, Any] = run()
        known.update(found)
        parts.append(Part(name, run))
    return parts
