"""Versions of what is installed."""

import importlib.metadata

from composer.discovery import DISTRIBUTION, find_version


def test_the_version_is_that_of_the_installed_distribution():
    assert find_version() == importlib.metadata.version(DISTRIBUTION)
    assert find_version("numpy") == importlib.metadata.version("numpy")


def test_what_is_not_installed_has_none():
    assert find_version("no-such-distribution") is None
