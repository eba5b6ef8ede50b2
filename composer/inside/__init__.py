"""Work on named values: edits, and what they do to scores."""

from composer.inside.edits import drop_channels, keep_channels, noise, scale, zero
from composer.inside.references import mean, patch

__all__ = ["drop_channels", "keep_channels", "mean", "noise", "patch", "scale", "zero"]
