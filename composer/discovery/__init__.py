"""What is installed: names that plugins publish, and folders of packages. Nothing is imported."""

from composer.discovery.entry_points import discover
from composer.discovery.package_folders import find_package_folders
from composer.discovery.publication import Publication, describe_clash, normalise, qualify

__all__ = [
    "Publication",
    "describe_clash",
    "discover",
    "find_package_folders",
    "normalise",
    "qualify",
]
