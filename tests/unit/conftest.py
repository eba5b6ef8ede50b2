"""Fixtures of the unit tests."""

from spec_folder import spec_folder

__all__ = ["spec_folder"]
