"""Fixtures of the unit tests."""

from plugin_folder import plugin_folder
from spec_folder import spec_folder

__all__ = ["plugin_folder", "spec_folder"]
