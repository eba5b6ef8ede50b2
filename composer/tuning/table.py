"""A tuning as text and as JSON."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import torch

from composer.discovery import find_version
from composer.escapes import escape_name
from composer.files import without_infinities
from composer.plurals import count_noun
from composer.tuning.tuning import TunedSetting, Tuning

_GAP = "  "
_MAX_ROWS = 60  # of the table; the JSON document has all
_MARK = " *"  # behind the best setting


def format_tuning(tuning: Tuning) -> str:
    """A table of the settings with the first metric of each task, and the one that counts."""
    metrics = _list_metrics(tuning)
    rows = [[*shorten_addresses(tuning.addresses), *(name.replace("/", " ") for name in metrics)]]
    shown = _choose_rows(tuning)
    for place in shown:
        setting = tuning.settings[place]
        flat = setting.results.flat()
        cells = [format_value(value) for value in setting.values.values()]
        cells += [f"{flat[name]:.4f}" if name in flat else "-" for name in metrics]
        rows.append([*cells[:-1], cells[-1] + (_MARK if place == tuning.best else "")])
    widths = [max(len(row[at].removesuffix(_MARK)) for row in rows) for at in range(len(rows[0]))]
    lines = [_GAP.join(map(_pad, row, widths)).rstrip() for row in rows]
    if len(shown) < len(tuning.settings):
        lines.append(f"the best {len(shown)} of {len(tuning.settings)} settings")
    return "\n".join(lines)


def _pad(cell: str, width: int) -> str:
    """A cell to the right of its column, with its mark beyond."""
    bare = cell.removesuffix(_MARK)
    return bare.rjust(width) + cell[len(bare) :]


def _choose_rows(tuning: Tuning) -> Sequence[int]:
    """Places of the settings to show: all, or the best, in the order of the grid."""
    places = range(len(tuning.settings))
    if len(places) <= _MAX_ROWS:
        return places
    values = [tuning.value(setting) for setting in tuning.settings]
    ranked = sorted(places, key=lambda at: (values[at] != values[at], -values[at], at))
    return sorted(ranked[:_MAX_ROWS])


def _list_metrics(tuning: Tuning) -> list[str]:
    """The first metric of each task, and the one that counts in any case."""
    first: dict[str, str] = {}
    for setting in tuning.settings:
        for name in setting.results.flat():
            first.setdefault(name.partition("/")[0], name)
    return list(dict.fromkeys([*first.values(), tuning.metric]))


def shorten_addresses(addresses: Sequence[str]) -> list[str]:
    """The last names of addresses, and as many more as tell them apart."""
    shortened = []
    for address in addresses:
        parts = address.split(".")
        ends = (".".join(parts[-count:]) for count in range(1, len(parts) + 1))
        others = [other for other in addresses if other != address]
        short = (end for end in ends if not any(o == end or o.endswith(f".{end}") for o in others))
        shortened.append(escape_name(next(short, address)))
    return shortened


def format_value(value: Any) -> str:
    """A value as it is written in YAML, on one line."""
    return escape_name(
        json.dumps(value, ensure_ascii=False) if not isinstance(value, str) else value
    )


def describe_best(tuning: Tuning) -> str:
    """The best setting in one line."""
    if tuning.best is None:
        return f"{tuning.metric} is undefined for all settings: the data have no object of its kind"
    setting = tuning.settings[tuning.best]
    named = ", ".join(f"{name}={format_value(value)}" for name, value in setting.values.items())
    return f"best by {tuning.metric}, {tuning.value(setting):.4f}: {named}"


def describe_sharing(tuning: Tuning) -> str:
    """What was computed once, in one line."""
    changed = ", ".join(tuning.changed[:4]) + (", ..." if len(tuning.changed) > 4 else "")
    settings = count_noun(len(tuning.settings), "setting")
    ran = count_noun(len(tuning.shared), "node")
    return f"{ran} ran once for all {settings}; these change {changed}"


def to_json(tuning: Tuning) -> dict[str, Any]:
    """The tuning as a value that `json.dumps` takes."""
    document = {
        "composer_tuning": 1,
        "composer": find_version(),
        "torch": torch.__version__,
        "metric": tuning.metric,
        "best": None if tuning.best is None else _describe(tuning.settings[tuning.best]),
        "shared": list(tuning.shared),
        "changed": list(tuning.changed),
        "unreadable_images": list(tuning.bad_images),
        "settings": [_describe(setting) for setting in tuning.settings],
    }
    return dict(without_infinities(document))


def _describe(setting: TunedSetting) -> dict[str, Any]:
    return {"set": dict(setting.values), **setting.results.to_json()}
