"""A spec as YAML that people can read."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

import yaml

from composer.importing.account import Account

_WIDTH = 96
_QUOTED_REFERENCE = re.compile(r"'(\$\{\w+\})'")


def write_spec_text(document: Mapping[str, Any], account: Account) -> str:
    """The YAML of an imported spec, with what was not carried over as a comment at its end."""
    head = [f"{key}: {_inline(value)}" for key, value in document.items() if not _is_block(value)]
    blocks = ["\n".join(head)]
    blocks += [
        "\n".join(_lines(key, value, "")) for key, value in document.items() if _is_block(value)
    ]
    for title, lines in (
        ("Still to be added", list_wanted(account)),
        ("Assumed, as the configuration does not say it", list_assumed(account)),
        ("Not carried over, as no spec says such things", list_not_carried_over(account)),
    ):
        if lines:
            blocks.append("\n".join([f"# {title}:", *(f"#   {line}" for line in lines)]))
    return "\n\n".join(blocks) + "\n"


def list_not_carried_over(account: Account) -> list[str]:
    """A line for each key that was not carried over: its value, and the reason."""
    return [
        f"{key} = {account.values[key]!r} ({reason})"
        for key, reason in account.not_carried_over.items()
    ]


def list_wanted(account: Account) -> list[str]:
    """A line for what the model needs beyond the configuration."""
    return [f"{key} = {account.values[key]!r}: {what}" for key, what in account.wanted.items()]


def list_assumed(account: Account) -> list[str]:
    """A line for each key that was taken for something that the configuration does not say."""
    return [f"{key} = {account.values[key]!r}: {what}" for key, what in account.assumed.items()]


def _is_block(value: Any) -> bool:
    return isinstance(value, dict)


def _lines(key: str, value: Any, indent: str) -> Iterator[str]:
    """A key and its value: on one line if they fit and hold no further mapping, else below."""
    line = f"{indent}{key}: {_inline(value)}"
    nested = _is_block(value) and any(_is_block(item) for item in value.values())
    if not _is_block(value) or not value or (len(line) <= _WIDTH and not nested):
        yield line
        return
    yield f"{indent}{key}:"
    for name, item in value.items():
        yield from _lines(name, item, f"{indent}  ")


def _inline(value: Any) -> str:
    """A value on one line; `${name}` needs no quotes in a spec."""
    text: str = yaml.safe_dump(
        [value], default_flow_style=True, sort_keys=False, allow_unicode=True, width=10**6
    )
    return _QUOTED_REFERENCE.sub(r"\1", text.strip()[1:-1])
