"""Discovery of what is installed: published names, specs and folders. No plugin is imported."""

from composer.discovery.choice import Candidate, Choice, choose, describe_twins
from composer.discovery.entry_points import discover, forget_entry_points, list_damage
from composer.discovery.homes import GROUPS, Homes, find_distribution, find_owners
from composer.discovery.import_times import import_time
from composer.discovery.installed import (
    DISTRIBUTION,
    find_package_folders,
    find_version,
    resolve_image,
    shipped_folder,
    shipped_models,
)
from composer.discovery.plugin_conduct import surviving_exits
from composer.discovery.publication import Match, Publication, normalise
from composer.discovery.published_specs import (
    SPEC_GROUP,
    PublishedSpec,
    find_file,
    find_missing_distribution,
    find_model,
    find_published,
    find_specs_folder,
    models_in,
    published_specs,
    shipped_specs,
    unfound_folders,
)
from composer.discovery.unknown_groups import list_unknown_groups

__all__ = [
    "DISTRIBUTION",
    "GROUPS",
    "SPEC_GROUP",
    "Candidate",
    "Choice",
    "Homes",
    "Match",
    "Publication",
    "PublishedSpec",
    "choose",
    "describe_twins",
    "discover",
    "find_distribution",
    "find_file",
    "find_missing_distribution",
    "find_model",
    "find_owners",
    "find_package_folders",
    "find_published",
    "find_specs_folder",
    "find_version",
    "forget_entry_points",
    "import_time",
    "list_damage",
    "list_unknown_groups",
    "models_in",
    "normalise",
    "published_specs",
    "resolve_image",
    "shipped_folder",
    "shipped_models",
    "shipped_specs",
    "surviving_exits",
    "unfound_folders",
]
