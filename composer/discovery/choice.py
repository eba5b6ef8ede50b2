"""Chooses what a published name means, by the distribution whose document it is written in.

A qualified name means what that distribution publishes. A bare name means what the document's own
distribution publishes, else what is unique; a name of ours that others publish too is ours, which
is noted, and one of several others' is an error that names them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from composer.discovery.installed import DISTRIBUTION
from composer.discovery.publication import Match, Publication
from composer.errors import PluginError


class Candidate(NamedTuple):
    """A publication that a name can mean.

    Attributes:
        publication: the publication.
        match: what the name has in common with it: its whole name, or a qualifier and the name.
    """

    publication: Publication
    match: Match


class Choice(NamedTuple):
    """The publication that a name means.

    Attributes:
        publication: the publication.
        note: a remark for the author of the document, or an empty text.
    """

    publication: Publication
    note: str = ""


def choose(
    what: str, name: str, candidates: Sequence[Candidate], home: str | None = None
) -> Choice:
    """Chooses one of the publications that a name can mean.

    Args:
        what: what the name is, for messages ("node type").
        name: the name as written.
        candidates: the publications; at least one.
        home: the distribution that the document belongs to; None for a user's own.

    Raises:
        PluginError: if two others publish the name, or one publishes it twice.
    """
    best = min(_rank(each, home) for each in candidates)
    found = [each.publication for each in candidates if _rank(each, home) == best]
    owners = {publication.distribution: publication for publication in found}
    if len(owners) > 1:
        raise PluginError(_describe_clash(f"{what} '{name}'", list(owners.values())))
    if len({publication.target for publication in found}) > 1:
        raise PluginError(describe_twins(what, found))
    others = [c.publication for c in candidates if c.publication.distribution not in owners]
    is_noted = bool(others) and best == _OURS and home != DISTRIBUTION
    return Choice(found[0], _describe_choice(what, name, found[0], others) if is_noted else "")


_OURS = 2


def _rank(candidate: Candidate, home: str | None) -> int:
    """The order in which candidates are meant, the first first."""
    distribution, match = candidate.publication.distribution, candidate.match
    if distribution == DISTRIBUTION and match == "distribution":
        return 0
    if distribution == home and match != "package":
        return 1
    if distribution == DISTRIBUTION:
        return _OURS
    if match == "distribution":
        return 3
    if match == "package":
        return 4 if distribution == home else 5
    return 6


def _describe_clash(what: str, found: Sequence[Publication]) -> str:
    labels = " and ".join(each.label for each in found)
    qualified = " or ".join(f"'{each.qualified}'" for each in found)
    return f"{what} is published by {labels}; write {qualified}"


def describe_twins(what: str, found: Sequence[Publication]) -> str:
    """Describes a name that one distribution publishes several times."""
    targets = " and ".join(each.target for each in found)
    first = found[0]
    return (
        f"{what} '{first.name}' is published several times by {first.origin}: as {targets}. A name "
        "is unique within a distribution: its author has to rename all but one"
    )


def _describe_choice(
    what: str, name: str, chosen: Publication, others: Sequence[Publication]
) -> str:
    owners = " and ".join(dict.fromkeys(each.origin for each in others))
    return (
        f"the {what} '{name}' is published by {owners}, too; it means '{chosen.qualified}', which "
        "can be written to say so"
    )
