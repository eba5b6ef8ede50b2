"""Random rotated boxes."""

import torch
from hypothesis import strategies as st

from composer.structures import Boxes, Instances, RotatedBoxes

_CENTER = st.floats(-100, 500, width=32)
_SIDE = st.floats(0.5, 500, width=32)
_ANGLE = st.floats(-720, 720, width=32) | st.sampled_from([-180.0, -90.0, 0.0, 45.0, 90.0, 180.0])
_ROW = st.tuples(_CENTER, _CENTER, _SIDE, _SIDE, _ANGLE)


@st.composite
def rotated_box_tensors(draw, min_size=0, max_size=8):
    """Boxes with sides of half a pixel at least, as rows of centre, width, height and angle."""
    rows = draw(st.lists(_ROW, min_size=min_size, max_size=max_size))
    return torch.tensor(rows, dtype=torch.float32).reshape(-1, 5)


@st.composite
def rotated_box_pairs(draw, min_size=1, max_size=8):
    """Two tensors of equally many boxes."""
    count = draw(st.integers(min_size, max_size))
    sized = rotated_box_tensors(min_size=count, max_size=count)
    return draw(sized), draw(sized)


def lay_flat(rows):
    """The rotated boxes of angle zero that axis-aligned boxes are."""
    center, size = (rows[:, :2] + rows[:, 2:]) / 2, rows[:, 2:] - rows[:, :2]
    return torch.cat((center, size, torch.zeros(len(rows), 1)), dim=1)


def random_corners(count):
    """Axis-aligned boxes as rows of corners."""
    corners = torch.rand(count, 2) * 60
    return torch.cat((corners, corners + 5 + torch.rand(count, 2) * 40), dim=1)


def truth_of(rows):
    """The ground truth of an image with axis-aligned boxes, and with the same as rotated boxes."""
    classes = torch.arange(len(rows)) % 3
    flat = Instances((99, 99), gt_boxes=Boxes(rows), gt_classes=classes)
    return flat, Instances((99, 99), gt_boxes=RotatedBoxes(lay_flat(rows)), gt_classes=classes)


def rotated_truth(*rows):
    """The ground truth of an image with rotated boxes, each of a class of its own."""
    classes = torch.arange(len(rows))
    return Instances((99, 99), gt_boxes=RotatedBoxes(list(rows)), gt_classes=classes)
