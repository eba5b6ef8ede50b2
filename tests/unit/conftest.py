"""Fixtures of the unit tests."""

from hostile_plugin import hostile_plugin
from plugin_folder import plugin_folder
from spec_folder import spec_folder

__all__ = ["hostile_plugin", "plugin_folder", "spec_folder"]
