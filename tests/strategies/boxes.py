"""Random boxes."""

import torch
from hypothesis import strategies as st

_COORDINATE = st.floats(0, 500, width=32)
_SIDE = st.floats(0.5, 500, width=32)


@st.composite
def box_tensors(draw, min_size=0, max_size=8):
    """Boxes with sides of half a pixel at least, as rows of x1, y1, x2, y2."""
    row = st.tuples(_COORDINATE, _COORDINATE, _SIDE, _SIDE)
    rows = draw(st.lists(row, min_size=min_size, max_size=max_size))
    return torch.tensor([[x, y, x + w, y + h] for x, y, w, h in rows]).reshape(-1, 4)


@st.composite
def box_pairs(draw, min_size=1, max_size=8):
    """Two tensors of equally many boxes."""
    count = draw(st.integers(min_size, max_size))
    sized = box_tensors(min_size=count, max_size=count)
    return draw(sized), draw(sized)
