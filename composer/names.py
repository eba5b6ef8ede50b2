"""Names: dotted ones by a unique end, wildcards, suggestions; and names of classes that are one."""

from __future__ import annotations

import difflib
import re
import unicodedata
from bisect import bisect_left
from collections.abc import Collection, Iterable, Sequence
from functools import lru_cache

from composer.errors import NameResolutionError

WILDCARD = "*"

_LONGEST = 200  # characters of a name that is compared with others
_MAX_COMPARED = 400
_MAX_ALIKE = 6  # names in a hint
_SURE = 0.85  # likeness of a slip of the finger


def find_names(name: str, candidates: Collection[str]) -> list[str]:
    """The candidates that a name can mean: itself, else all that end in it.

    Args:
        name: a dotted name, or a pattern in which `*` stands for one name between dots.
        candidates: full dotted names.

    Returns:
        The name itself if it is a candidate; else, in their order, the candidates of which it is a
        dotted end (`mask_pooler` of `roi_heads.mask_pooler`). A pattern that matches whole
        candidates gives all of those, and otherwise those that it is an end of.
    """
    if WILDCARD in name:
        exact = re.compile(_pattern(name))
        end = re.compile(rf"(?:.*\.)?{_pattern(name)}")
        found = [full for full in candidates if exact.fullmatch(full)]
        return found or [full for full in candidates if end.fullmatch(full)]
    if name in candidates:
        return [name]
    return [full for full in candidates if full.endswith(f".{name}")]


class NameIndex:
    """Finds names among many candidates as `find_names` does, without looking at each of them.

    Args:
        candidates: full dotted names.
    """

    def __init__(self, candidates: Iterable[str]) -> None:
        self.names = tuple(dict.fromkeys(candidates))
        self._known = frozenset(self.names)
        self._by_end: dict[str, list[str]] = {}
        for name in self.names:
            for end in {_last_of(name, 1), _last_of(name, 2)}:
                self._by_end.setdefault(end, []).append(name)

    def __contains__(self, name: object) -> bool:
        return name in self._known

    def find(self, name: str, scope: str = "") -> list[str]:
        """The candidates that a name can mean: see `find_names`.

        Args:
            name: a dotted name or a pattern.
            scope: a dotted name; the name counts from it, and means only what lies below.
        """
        prefix = f"{scope}." if scope else ""
        if prefix + name in self._known:
            return [prefix + name]
        end = _last_of(name, 2)
        if WILDCARD in end:
            end = _last_of(name, 1)
        near = self.names if WILDCARD in end else self._by_end.get(end, ())
        inside = [full.removeprefix(prefix) for full in near if full.startswith(prefix)]
        return [prefix + found for found in find_names(name, inside)]

    def resolve(self, name: str, what: str = "node") -> str:
        """The candidate that a full name or a unique end of one means: see `resolve_name`."""
        return _only(name, self.find(name), self.names, what)


def _last_of(name: str, count: int) -> str:
    """The last names between the dots of a dotted name."""
    return ".".join(name.rsplit(".", count)[-count:])


def resolve_name(name: str, candidates: Collection[str], what: str = "node") -> str:
    """The candidate that a full name or a unique end of one means.

    Args:
        name: a dotted name.
        candidates: full dotted names.
        what: what the candidates are, for messages ("node", "dataset").

    Raises:
        NameResolutionError: if it means none, with the closest match, or several, with a list.
    """
    return _only(name, find_names(name, candidates), candidates, what)


def _only(name: str, found: Sequence[str], candidates: Iterable[str], what: str) -> str:
    """The only one that was found."""
    if len(found) == 1:
        return found[0]
    message, hint = describe_unresolved(name, found, candidates, what)
    raise NameResolutionError(f"{message}. {hint}" if hint else message)


def describe_unresolved(
    name: str, found: Collection[str], candidates: Iterable[str], what: str = "node", use: str = ""
) -> tuple[str, str]:
    """Why a name does not mean one candidate, and a hint.

    Args:
        name: what was written.
        found: the candidates that it can mean: none, or several.
        candidates: what could have been meant.
        what: what the candidates are ("node", "dataset").
        use: what one is named for ("to freeze").
    """
    if found:
        return f"'{name}' is ambiguous; it could be {', '.join(sorted(found))}", ""
    message = f"there is no {what} '{name}' {use}".rstrip()
    return message, did_you_mean(name, candidates, f"{what}s")


def _pattern(name: str) -> str:
    """The regular expression of a name with wildcards; none of them goes past a dot."""
    parts = [re.escape(part).replace(re.escape(WILDCARD), r"[^.]+") for part in name.split(".")]
    return r"\.".join(parts)


def closest(name: str, candidates: Iterable[str], cutoff: float = 0.6) -> str | None:
    """The candidate that a misspelt name is most like, if any is alike enough to be meant.

    Args:
        name: what was written.
        candidates: what could have been meant.
        cutoff: the least likeness, from 0 to 1.
    """
    if len(name) > _LONGEST:
        return None
    names: Sequence[str] = [each for each in candidates if len(each) <= 2 * _LONGEST]
    if len(names) > _MAX_COMPARED:
        names = _arrange(frozenset(names)).list_near(name, _MAX_COMPARED // 2)
    matches = difflib.get_close_matches(name, names, n=1, cutoff=cutoff)
    return matches[0] if matches else None


class _Arrangement:
    """Candidates, sorted once for many searches: comparing a name with thousands takes seconds."""

    def __init__(self, names: Collection[str]) -> None:
        self.names = sorted(names)
        self._turned = sorted(name[::-1] for name in names)
        self._by_end: dict[int, dict[str, list[str]]] = {}

    def list_near(self, name: str, count: int) -> list[str]:
        """The names that begin or end most alike, as many of each."""
        found: dict[str, None] = {}
        for names, step in ((self.names, 1), (self._turned, -1)):
            middle = bisect_left(names, name[::step])
            near = names[max(0, middle - count // 2) : middle + count // 2]
            found |= dict.fromkeys(each[::step] for each in near)
        return list(found)

    def by_end(self, length: int) -> dict[str, list[str]]:
        """Dotted names by their last parts; one that is no longer than those stands alone."""
        if length in self._by_end:
            return self._by_end[length]
        ends: dict[str, list[str]] = {}
        for full in self.names:
            end = _last_of(full, length)
            if full == end:
                ends[end] = [full]
            elif ends.get(end) != [end]:
                ends.setdefault(end, []).append(full)
        self._by_end[length] = ends  # at last: other threads may look
        return ends


@lru_cache(maxsize=16)
def _arrange(names: frozenset[str]) -> _Arrangement:
    return _Arrangement(names)


def _with_words(name: str, ends: Iterable[str]) -> list[str]:
    """The ends in which a name occurs as whole words: `pooler` in `box_pooler`."""
    section, dot, words = name.rpartition(".")
    if not words:
        return []
    begin = section + dot
    return [e for e in ends if e.startswith(begin) and f"_{words}_" in f"_{e[len(begin) :]}_"]


def find_alike(name: str, candidates: Iterable[str]) -> list[str]:
    """The candidates that a misspelt or shortened name may stand for, the closest first.

    They are those with an end in which the name occurs as whole words, else those with the end
    that is most like it. Where they are many, they are no answer, and the closest one is given.

    Args:
        name: what was written.
        candidates: full names, with or without dots.
    """
    arranged = _arrange(frozenset(candidates))
    names, ends = arranged.names, arranged.by_end(name.count(".") + 1)
    near = closest(name, ends, _SURE)
    fitting = _with_words(name, ends)
    if fitting and (near is None or near in fitting):
        found = [full for end in fitting for full in ends[end]]
        if len(found) <= _MAX_ALIKE:
            return found
    near = near or closest(name, ends)
    if near is None:
        near = closest(name, names)
        return [near] if near else []
    return ends[near][: None if len(ends[near]) <= _MAX_ALIKE else 1]


def hint_at(names: Sequence[str]) -> str:
    """The question whether one of some names is meant."""
    *others, last = [f"'{name}'" for name in names]
    return f"Did you mean {', '.join(others)} or {last}?" if others else f"Did you mean {last}?"


def did_you_mean(name: str, candidates: Iterable[str], what: str = "") -> str:
    """A hint: what may be meant, else the candidates themselves where they are few.

    Args:
        name: what was written.
        candidates: what could have been meant.
        what: what the candidates are, in the plural ("params"), for the list.
    """
    names = _arrange(frozenset(candidates)).names
    if found := find_alike(name, names):
        return hint_at(found)
    if not names:
        return f"There are no {what}." if what else ""
    shown = ", ".join(names[:12]) + (", ..." if len(names) > 12 else ".")
    return f"{what[:1].upper() + what[1:]}: {shown}" if what else f"There are: {shown}"


def fold_case(name: str) -> str:
    """A name in one case and one Unicode form (macOS writes the accents of file names apart)."""
    return unicodedata.normalize("NFC", name.casefold()).casefold()


def fold_name(name: str) -> str:
    """A name without the differences that people overlook: case, spaces and Unicode forms."""
    plain = unicodedata.normalize("NFKC", name.casefold())
    shown = "".join(sign for sign in plain if unicodedata.category(sign) != "Cf")
    return " ".join(shown.split()).casefold()


def group_names(names: Sequence[str]) -> list[list[int]]:
    """The positions of names that `fold_name` makes one, of those that occur twice."""
    positions: dict[str, list[int]] = {}
    for at, name in enumerate(names):
        positions.setdefault(fold_name(name), []).append(at)
    return [found for found in positions.values() if len(found) > 1]


def label_names(names: Sequence[str], own_ids: Sequence[int] = ()) -> tuple[str, ...]:
    """Names for tables, no two of which are one: `cat (id 3)` where several classes are `cat`.

    Args:
        names: the names by contiguous index.
        own_ids: the dataset's ids of them; without, the indices tell them apart.
    """
    labels = list(names)
    for at in (at for group in group_names(names) for at in group):
        number = f"id {own_ids[at]}" if len(own_ids) == len(names) else f"class {at}"
        labels[at] = f"{names[at]} ({number})"
    return tuple(labels)


def describe_shared_names(names: Sequence[str], own_ids: Sequence[int]) -> list[str]:
    """What is to be told of categories that have one name, or look alike."""
    messages = []
    for group in group_names(names):
        spelled = dict.fromkeys(names[at] for at in group)
        numbers = ", ".join(str(own_ids[at]) for at in group)
        how = "the name" if len(spelled) == 1 else "but for case, spaces or Unicode form the name"
        listed = ", ".join(f"'{name}'" for name in spelled)
        messages.append(f"the categories {numbers} have {how} {listed}; they stay apart by id")
    return messages
