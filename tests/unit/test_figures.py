"""Files of figures are the same for the same drawing, and have a known ending."""

import pytest
from matplotlib.figure import Figure

from composer.errors import InputError
from composer.figures import FORMATS, save_figure


def draw():
    figure = Figure(figsize=(1, 1))
    figure.add_subplot().plot([0, 1], [1, 0])
    return figure


@pytest.mark.parametrize("ending", [".png", ".SVG", ".pdf"])
def test_the_same_drawing_gives_the_same_bytes(ending, tmp_path, monkeypatch):
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "0")  # which PDF has for its date
    for name in ("one", "other"):
        save_figure(tmp_path / f"{name}{ending}", draw)
    one, other = ((tmp_path / f"{name}{ending}").read_bytes() for name in ("one", "other"))
    assert one == other


def test_another_ending_is_told_with_those_that_there_are(tmp_path):
    with pytest.raises(InputError, match=r"x\.jpg: a plot is one of \.png, \.svg, \.pdf"):
        save_figure(tmp_path / "x.jpg", draw)
    with pytest.raises(InputError, match=r"a sweep is one of \.json, \.png"):
        save_figure(tmp_path / "x.jpg", draw, what="a sweep", others=(".json",))
    assert not list(tmp_path.iterdir())
    assert all(ending.startswith(".") for ending in FORMATS)
