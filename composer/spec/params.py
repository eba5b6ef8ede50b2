"""Params: their values for one document, and `${name}` put in its place."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace

from composer.spec.located import Located
from composer.spec.problems import ProblemLog
from composer.spec.suggestion import did_you_mean

_USE = re.compile(r"\$\$|\$\{\s*([^{}\s]*)\s*\}")


def substitute_params(
    document: Located, given: Mapping[str, Located], log: ProblemLog
) -> tuple[Located, dict[str, Located]]:
    """Gives every `${name}` of a document its value.

    Args:
        document: a document, after merging.
        given: values that replace defaults.
        log: takes unknown names, cycles and values that cannot stand inside a text.

    Returns:
        The document without `${}`, and the params' values.
    """
    section = document.get("params")
    defaults = dict(section.entries()) if section is not None else {}
    for name, value in given.items():
        if name not in defaults:
            hint = did_you_mean(name, defaults, "params")
            log.add(value.place, f"unknown param '{name}'", hint)
    values = {**defaults, **{name: given[name] for name in given if name in defaults}}
    substitution = _Substitution(values, log)
    resolved = {name: substitution.param(name) for name in values}
    items = {
        key: item if key == "params" else substitution.apply(item)
        for key, item in document.entries()
    }
    return replace(document, value=items), resolved


class _Substitution:
    def __init__(self, values: Mapping[str, Located], log: ProblemLog) -> None:
        self.values, self.log = values, log
        self.resolved: dict[str, Located] = {}
        self.open: list[str] = []

    def param(self, name: str) -> Located:
        if name not in self.resolved:
            self.open.append(name)
            self.resolved[name] = self.apply(self.values[name])
            self.open.pop()
        return self.resolved[name]

    def apply(self, item: Located) -> Located:
        if isinstance(item.value, dict):
            return replace(item, value={key: self.apply(v) for key, v in item.value.items()})
        if isinstance(item.value, list):
            return replace(item, value=[self.apply(v) for v in item.value])
        if isinstance(item.value, str) and "$" in item.value:
            return self.text(item)
        return item

    def text(self, item: Located) -> Located:
        """A text with its uses replaced; a lone `${name}` keeps the param's type."""
        whole = _USE.fullmatch(item.value)
        if whole and whole.group(1) is not None:
            found = self.look_up(whole.group(1), item)
            if found is None:
                return replace(item, value=None)
            return replace(found, place=item.place, origin=found.origin or found.place)
        return replace(item, value=_USE.sub(lambda match: self.inline(match, item), item.value))

    def inline(self, match: re.Match[str], item: Located) -> str:
        if match.group(0) == "$$":
            return "$"
        found = self.look_up(match.group(1), item)
        if found is None:
            return ""
        if isinstance(found.value, (dict, list)):
            self.log.add(item.place, f"param '{match.group(1)}' cannot stand inside a text")
        return str(found.value)

    def look_up(self, name: str, item: Located) -> Located | None:
        if name not in self.values:
            hint = did_you_mean(name, self.values, "params")
            self.log.add(item.place, f"unknown param '{name}'", hint)
            return None
        if name in self.open:
            ring = " -> ".join([*self.open[self.open.index(name) :], name])
            self.log.add(item.place, f"params refer to each other in a ring: {ring}")
            return None
        return self.param(name)
