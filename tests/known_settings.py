"""Which names a shipped spec takes as settings, for tests that make models small."""

from collections.abc import Mapping
from functools import cache
from typing import Any

from composer.construction import check_source
from composer.names import find_names


def known_settings(spec: str, values: Mapping[str, Any]) -> dict[str, Any]:
    """Those of some values whose name is an alias, a param or a unique configuration key."""
    return {name: value for name, value in values.items() if _is_known(spec, name)}


def _is_known(spec: str, name: str) -> bool:
    aliases, params, keys = _names_of(spec)
    if "." in name or name in aliases or find_names(name, params):
        return True
    return len(find_names(name, keys)) == 1


@cache
def _names_of(spec: str) -> tuple[set[str], list[str], list[str]]:
    blueprint = check_source(spec)
    nodes = blueprint.nodes.items()
    keys = [f"{path}.{key}" for path, node in nodes for key in node.config]
    resolved = blueprint.spec.resolved
    return set(resolved.aliases), list(resolved.params), keys
