"""Values of sessions as pictures, for notebooks."""

from composer.notebook.showing import Shown, show

__all__ = ["Shown", "show"]
