"""Evaluations of one model with many settings, of which what they share is computed once."""

from composer.tuning.best_spec import write_best
from composer.tuning.grid import make_grid
from composer.tuning.plot import plot_tuning
from composer.tuning.table import describe_best, describe_sharing, format_tuning, to_json
from composer.tuning.tuning import TunedSetting, Tuning, tune
from composer.tuning.value_lists import parse_values, parse_variation

__all__ = [
    "TunedSetting",
    "Tuning",
    "describe_best",
    "describe_sharing",
    "format_tuning",
    "make_grid",
    "parse_values",
    "parse_variation",
    "plot_tuning",
    "to_json",
    "tune",
    "write_best",
]
