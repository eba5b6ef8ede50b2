"""Work on named values: edits, and what they do to scores."""

from composer.inside.edits import drop_channels, keep_channels, noise, scale, zero
from composer.inside.references import mean, patch
from composer.inside.sweep_table import Sweep, SweepRow
from composer.inside.sweeping import sweep

__all__ = [
    "Sweep",
    "SweepRow",
    "drop_channels",
    "keep_channels",
    "mean",
    "noise",
    "patch",
    "scale",
    "sweep",
    "zero",
]
