"""One of a group whose entries are called with a configuration only."""

from __future__ import annotations

import inspect

from composer.cli.node_type import list_configuration, print_heading, print_section
from composer.node.parameters import call_model
from composer.registry import Registry


def describe_call(group: str, name: str) -> None:
    """Prints what one of a group does, and its configuration.

    Raises:
        NameResolutionError: if nothing publishes the name.
        PluginError: if two plugins do, or its plugin fails to import.
    """
    registry = Registry.installed(group)
    publication = registry.find(name)
    target = registry.load(name)
    model = call_model(target, f"a {registry.what}")
    print_heading(name, publication, inspect.getdoc(target) or "")
    print_section("configuration", list_configuration(model))
