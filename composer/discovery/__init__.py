"""Discovery of what is installed: published names, specs and folders. No plugin is imported."""

from composer.discovery.entry_points import discover
from composer.discovery.installed import (
    DISTRIBUTION,
    find_package_folders,
    find_version,
    resolve_image,
    shipped_folder,
    shipped_models,
)
from composer.discovery.publication import Publication, describe_clash, normalise, qualify
from composer.discovery.published_specs import (
    SPEC_GROUP,
    PublishedSpec,
    find_file,
    find_published,
    find_specs_folder,
    models_in,
    published_specs,
    shipped_specs,
    unfound_folders,
)

__all__ = [
    "DISTRIBUTION",
    "SPEC_GROUP",
    "Publication",
    "PublishedSpec",
    "describe_clash",
    "discover",
    "find_file",
    "find_package_folders",
    "find_published",
    "find_specs_folder",
    "find_version",
    "models_in",
    "normalise",
    "published_specs",
    "qualify",
    "resolve_image",
    "shipped_folder",
    "shipped_models",
    "shipped_specs",
    "unfound_folders",
]
