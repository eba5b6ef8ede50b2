"""Groups of entry points that are called like ours and are none of them: misspelt ones."""

from __future__ import annotations

from composer.discovery.entry_points import list_groups
from composer.discovery.homes import GROUPS
from composer.discovery.installed import DISTRIBUTION
from composer.names import did_you_mean

_BEGIN = "composer."
_OTHERS = ("composer.addresses", "composer.catalogues")  # whose packages own no documents


def list_unknown_groups() -> list[str]:
    """A message for each group that begins as ours do, and of which nothing is ever found.

    Groups of which this distribution publishes something are ours.
    """
    found = [each for each in list_groups() if each[2].startswith(_BEGIN)]
    known = {*GROUPS, *_OTHERS, *(group for owner, _, group in found if owner == DISTRIBUTION)}
    return [
        f"{owner} {version}".rstrip() + f": nothing of its entry points '{group}' is found, as "
        f"there is no such group. {did_you_mean(group, known, 'groups')}"
        for owner, version, group in found
        if group not in known
    ]
