"""Plots and tables of tunings with any number of addresses."""

import math

import pytest

from composer.errors import InputError
from composer.evaluation import Results, TaskResults
from composer.tuning import TunedSetting, Tuning, format_tuning, make_grid, plot_tuning


def make_tuning(vary):
    """A tuning whose metric rises with each setting; it is undefined for the first."""
    grid = make_grid(vary)
    settings = []
    for place, values in enumerate(grid):
        value = place / len(grid) if place or len(grid) == 1 else math.nan
        settings.append(TunedSetting(values, Results({"bbox": TaskResults({"AP": value})}, 3)))
    return Tuning(settings, "bbox/AP", len(grid) - 1)


@pytest.mark.parametrize(
    ("vary", "ending"),
    [
        ({"a.cut": [0.1, 0.4, 0.8]}, "png"),
        ({"a.cut": [0.1, 0.4], "b.cut": [0.8, 1.0]}, "svg"),
        ({"a.cut": [0.1, 0.4], "norm": ["GN", "BN"], "c": [1.0]}, "png"),
        ({"a.cut": [0.1, 0.4], "b.cut": [0.8, 1.0], "norm": ["GN", None]}, "svg"),
        ({"sizes": [[1, 2], [3, 4]]}, "png"),
        ({"a.cut": [0.1]}, "svg"),
    ],
)
def test_plots_have_any_number_of_addresses(vary, ending, tmp_path):
    tuning = make_tuning(vary)
    plot_tuning(tmp_path / f"tuning.{ending}", tuning)
    first = (tmp_path / f"tuning.{ending}").read_bytes()
    assert first.startswith({"png": b"\x89PNG", "svg": b"<?xml"}[ending])
    plot_tuning(tmp_path / f"again.{ending}", tuning)
    assert (tmp_path / f"again.{ending}").read_bytes() == first


def test_other_endings_are_refused(tmp_path):
    with pytest.raises(InputError, match="a plot is one of"):
        plot_tuning(tmp_path / "tuning.bmp", make_tuning({"a": [1]}))


def test_columns_have_the_shortest_names_that_tell_them_apart():
    lines = format_tuning(make_tuning({"roi.a.cut": [1], "roi.b.cut": [2], "norm": ["GN"]}))
    assert lines.splitlines()[0].split() == ["a.cut", "b.cut", "norm", "bbox", "AP"]
    assert lines.splitlines()[1].split() == ["1", "2", "GN", "0.0000", "*"]


def test_long_tables_show_the_best_settings():
    lines = format_tuning(make_tuning({"cut": range(100)})).splitlines()
    assert len(lines) == 62
    assert lines[1].split() == ["40", "0.4000"]
    assert lines[-1] == "the best 60 of 100 settings"
