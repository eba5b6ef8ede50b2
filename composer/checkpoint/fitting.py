"""How a checkpoint is read for a graph: which state dict in it, without which prefix, renamed how.

Each question is answered by what fits the graph best, and the answers are reported.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from composer.checkpoint.checkpoint import Checkpoint
from composer.checkpoint.checkpoint_keys import KeyMapping
from composer.checkpoint.expected_tensors import ExpectedTensors
from composer.checkpoint.key_prefixes import PrefixVote, find_prefixes
from composer.checkpoint.layouts import Contents
from composer.checkpoint.mapping_choice import Reading, Remarks, choose_mapping
from composer.checkpoint.reader import read_contents
from composer.checkpoint.renamed_tensors import RenamedTensors, shapes_of
from composer.checkpoint.saved_versions import describe_changes
from composer.checkpoint.sections import Section, is_averaged
from composer.errors import CheckpointError

_SHOWN = 4
_COMMON_SECTIONS = ("", "model", "state_dict", "blobs", "model_state")


@dataclass(frozen=True)
class ReadingOptions:
    """Choices that are made for the reader of a checkpoint.

    Args:
        key_mapping: the name of a key mapping, or a mapping, that is used whatever fits; "none"
            for none; None for the one that fits best, if any.
        section: the state dict, or the prefix of keys, to read where there are several.
    """

    key_mapping: str | KeyMapping | None = None
    section: str | None = None


def read_fitting(
    path: str | os.PathLike[str],
    expected: ExpectedTensors,
    options: ReadingOptions = ReadingOptions(),
    *,
    bare: bool = True,
) -> Checkpoint:
    """Reads a checkpoint in the way that fits best.

    Args:
        path: the file.
        expected: the tensors that are to be loaded.
        options: choices that are made already.
        bare: whether names may lack the prefixes of nodes.

    Raises:
        CheckpointError: as for `read_checkpoint`, or there is no such section or mapping.
    """
    file, container, contents = read_contents(path)
    report = Remarks()
    votes = _vote(contents, expected, options.section, str(file), bare=bare)
    plain = _read_plain(contents, expected, votes, bare=bare)
    chosen = choose_mapping(plain, expected, options.key_mapping, contents.metadata, report)
    report.choices[:0] = _describe_choice(chosen, votes, contents.sections)
    if contents.passed_over:
        report.choices.append(contents.passed_over)
    report.notes += describe_changes(contents.metadata)
    family = contents.family if chosen.mapping is None else chosen.mapping.family
    return Checkpoint(
        path=file,
        format=f"{family} {container}".strip(),
        tensors=chosen.tensors,
        metadata=contents.metadata,
        training_state=contents.training_state,
        matching_heuristics=chosen.by_suffix,
        notes=tuple(report.notes),
        choices=tuple(report.choices),
    )


_Votes = Sequence[tuple[Section, PrefixVote]]


def _vote(
    contents: Contents, expected: ExpectedTensors, section: str | None, source: str, *, bare: bool
) -> _Votes:
    """The sections of a file and the prefixes in them, each with what fits without the prefix."""
    keys = expected.naming.expected_keys()
    if not bare:
        keys = keys._replace(endings=())
    votes = [
        (one, vote)
        for one in contents.sections
        for vote in find_prefixes(one.tensors.keys(), keys) or [PrefixVote("", 0, 0)]
    ]
    return votes if section is None else _choose_named(votes, contents.sections, section, source)


def _read_plain(
    contents: Contents, expected: ExpectedTensors, votes: _Votes, *, bare: bool
) -> Reading:
    """The best section and prefix, with the names of the file."""
    best, vote = max(votes, key=lambda option: option[1].order(option[0].name))
    tensors = RenamedTensors.without_prefix(best.tensors, vote.prefix)
    by_suffix = contents.matching_heuristics or (bare and expected.naming.is_bare(tensors.keys()))
    score = expected.score(shapes_of(tensors), by_suffix=by_suffix)
    return Reading(best, vote, tensors, by_suffix, score)


def _choose_named(
    options: Sequence[tuple[Section, PrefixVote]],
    sections: Sequence[Section],
    name: str,
    source: str,
) -> list[tuple[Section, PrefixVote]]:
    """The options of a name, which is that of a section, of a prefix, or of both.

    Raises:
        CheckpointError: there is none.
    """
    wanted = name.strip(".")
    found = [
        (section, vote)
        for section, vote in options
        if wanted in (section.name, vote.prefix.strip("."), _full_name(section, vote))
    ]
    if not found:
        for section in sections:
            start = wanted.removeprefix(f"{section.name}.") if section.name else wanted
            if any(key.startswith(f"{start}.") for key in section.tensors):
                return [(section, PrefixVote(f"{start}.", 0, 0))]
        names = [section.name for section in sections if section.name]
        for section in sections:
            prefixes = [vote.prefix for one, vote in options if one is section]
            if "" not in prefixes:
                names += [f"{section.name}.{each}".strip(".") for each in _shortest(prefixes)]
        raise CheckpointError(
            f"{source}: it has no section '{name}'. There are: {', '.join(names) or 'none'}."
        )
    return found


def _full_name(section: Section, vote: PrefixVote) -> str:
    return f"{section.name}.{vote.prefix}".strip(".")


def _describe_choice(chosen: Reading, votes: _Votes, sections: Sequence[Section]) -> list[str]:
    """What was chosen, as one line; nothing if there was no choice."""
    best, prefix = chosen.section, chosen.vote.prefix
    parts = []
    others = [section.name or "the top" for section in sections if section is not best]
    if others or best.name not in _COMMON_SECTIONS:
        parts.append(f"weights of '{best.name or 'the top'}'{_averaged(best.name)}")
    rivals: list[str] = []
    if prefix:
        parts.append(f"names without '{prefix}'{_averaged(prefix)}")
        rivals = _find_rivals(chosen, [vote for section, vote in votes if section is best])
    if others or rivals:
        names = ", ".join(f"'{name}'" for name in (*others, *rivals))
        parts.append(f"not of {names}, which the option section chooses")
    known = (prefix, *rivals)
    outside = [key for key in best.tensors if not key.startswith(known)]
    if outside:
        parts.append(f"{_count_outside(outside)} without that prefix left out")
    return ["; ".join(parts)] if parts else []


def _find_rivals(chosen: Reading, votes: Sequence[PrefixVote]) -> list[str]:
    """The prefixes of other networks that fit about as well, such as a student's."""
    if chosen.mapping is not None:
        return []
    least = chosen.vote.num_fitting // 2
    return [
        prefix
        for prefix in _shortest(vote.prefix for vote in votes if vote.num_fitting > least)
        if not chosen.vote.prefix.startswith(prefix) and not prefix.startswith(chosen.vote.prefix)
    ]


def _shortest(prefixes: Iterable[str]) -> list[str]:
    """The prefixes that do not begin with another one; the empty one is none."""
    found: list[str] = []
    for prefix in sorted(filter(None, prefixes), key=len):
        if not prefix.startswith(tuple(found)):
            found.append(prefix)
    return found


def _averaged(name: str) -> str:
    return " (averaged)" if is_averaged(name) else ""


def _count_outside(keys: Sequence[str]) -> str:
    more = ["..."] if len(keys) > _SHOWN else []
    names = ", ".join([*keys[:_SHOWN], *more])
    return f"{len(keys)} tensor{'s' * (len(keys) > 1)} ({names})"
