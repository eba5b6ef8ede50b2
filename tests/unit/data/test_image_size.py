"""Another image size than the model's own."""

import pytest

from composer.data import with_size
from composer.errors import InputError
from composer.language import ImageFormat

USUAL = ImageFormat(channel_order="RGB", shortest_edge=800, longest_edge=1333)


@pytest.mark.parametrize(
    ("size", "sides"),
    [
        (None, (800, 1333)),
        (400, (400, 666)),
        ((400, 500), (400, 500)),
        ((400, 0), (400, 0)),
        (0, (0, 0)),
    ],
)
def test_both_sides_follow(size, sides):
    found = with_size(USUAL, size)
    assert (found.shortest_edge, found.longest_edge) == sides
    assert found.channel_order == "RGB"


def test_without_a_usual_size_there_is_no_limit():
    assert with_size(ImageFormat(shortest_edge=0), 300).longest_edge == 0


@pytest.mark.parametrize("size", [-1, (400, 300), (400, -1)])
def test_what_is_no_size_is_refused(size):
    with pytest.raises(InputError, match="the shorter side"):
        with_size(USUAL, size)
