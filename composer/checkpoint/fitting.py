"""How a checkpoint is read for a graph: which state dict in it, without which prefix, renamed how.

Each question is answered by what fits the graph best, and the answers are reported.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from torch import Tensor

from composer.checkpoint.checkpoint import Checkpoint
from composer.checkpoint.checkpoint_keys import (
    NO_MAPPING,
    KeyMapping,
    KeyNaming,
    PublishedMapping,
    find_mapping,
    recognise_keys,
)
from composer.checkpoint.key_prefixes import PrefixVote, find_prefixes, shared_prefixes
from composer.checkpoint.layouts import Contents
from composer.checkpoint.reader import read_contents
from composer.checkpoint.renamed_tensors import RenamedTensors, shapes_of
from composer.checkpoint.sections import Section, is_averaged
from composer.checkpoint.tensor_matching import find_ending, may_be_missing
from composer.errors import CheckpointError

_SHOWN = 4
_COMMON_SECTIONS = ("", "model", "state_dict", "blobs", "model_state")

Shape = tuple[int, ...]


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


class Score(NamedTuple):
    """How many of the expected tensors there are: of the right name and shape, of the name."""

    fitting: int
    named: int


@dataclass(frozen=True)
class ExpectedTensors:
    """The tensors that some nodes of a graph expect.

    Args:
        naming: their names.
        shapes: full key -> shape.
    """

    naming: KeyNaming
    shapes: Mapping[str, Shape]

    @classmethod
    def of(
        cls, targets: Mapping[str, Mapping[str, Tensor]], prefix_of: Mapping[str, str]
    ) -> ExpectedTensors:
        """Those of nodes.

        Args:
            targets: node path -> the state dict of its module.
            prefix_of: node path -> the prefix of its keys.
        """
        shapes = {
            prefix_of[path] + name: tuple(tensor.shape)
            for path, tensors in targets.items()
            for name, tensor in tensors.items()
        }
        return cls(KeyNaming(targets, prefix_of), shapes)

    def score(self, found: Mapping[str, Shape], *, by_suffix: bool) -> Score:
        """How well the keys and shapes of a file fit."""
        matches = dict(self._match(found, by_suffix=by_suffix))
        fitting = sum(found[key] == self.shapes[wanted] for key, wanted in matches.items())
        return Score(fitting, len(matches))

    def is_complete(self, found: Mapping[str, Shape], *, by_suffix: bool) -> bool:
        """Whether a file has all that is needed."""
        wanted = set(dict(self._match(found, by_suffix=by_suffix)).values())
        return all(key in wanted or may_be_missing(key) for key in self.shapes)

    def _match(self, found: Collection[str], *, by_suffix: bool) -> Iterator[tuple[str, str]]:
        """Key of the file and expected key, for those that belong together."""
        for wanted in self.shapes:
            key = find_ending(wanted, found) if by_suffix else wanted
            if key in found and key is not None:
                yield key, wanted


@dataclass(frozen=True)
class _Reading:
    """One way to read a file."""

    section: Section
    vote: PrefixVote
    tensors: Mapping[str, Tensor]
    by_suffix: bool
    score: Score
    mapping: PublishedMapping | None = None


@dataclass
class _Report:
    """What is said of the choices: always, or where something does not fit."""

    choices: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


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
    report = _Report()
    votes = _vote(contents, expected, options.section, str(file), bare=bare)
    plain = _read_plain(contents, expected, votes, bare=bare)
    chosen = _map_keys(plain, expected, options.key_mapping, report)
    report.choices[:0] = _describe_choice(chosen, votes, contents.sections)
    if contents.passed_over:
        report.choices.append(contents.passed_over)
    family = contents.family if chosen.mapping is None else chosen.mapping.mapping.name
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
) -> _Reading:
    """The best section and prefix, with the names of the file."""
    best, vote = max(votes, key=lambda option: option[1].order(option[0].name))
    tensors = RenamedTensors.without_prefix(best.tensors, vote.prefix)
    by_suffix = contents.matching_heuristics or (bare and expected.naming.is_bare(tensors.keys()))
    score = expected.score(shapes_of(tensors), by_suffix=by_suffix)
    return _Reading(best, vote, tensors, by_suffix, score)


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


def _describe_choice(chosen: _Reading, votes: _Votes, sections: Sequence[Section]) -> list[str]:
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


def _find_rivals(chosen: _Reading, votes: Sequence[PrefixVote]) -> list[str]:
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


def _map_keys(
    plain: _Reading,
    expected: ExpectedTensors,
    wanted: str | KeyMapping | None,
    report: _Report,
) -> _Reading:
    """The reading with the key mapping that was asked for, or with one that fits better."""
    if wanted == NO_MAPPING:
        return plain
    if wanted is not None:
        named = (
            find_mapping(wanted)
            if isinstance(wanted, str)
            else PublishedMapping(wanted, wanted.name, "")
        )
        return _force_mapping(plain, named, expected)
    if expected.is_complete(shapes_of(plain.tensors), by_suffix=plain.by_suffix):
        return plain
    mapped = _ask_mappings(plain, expected, report)
    best = max([plain, *mapped], key=lambda reading: reading.score.fitting)
    _note_others(best, mapped, report)
    return best


def _force_mapping(plain: _Reading, named: PublishedMapping, expected: ExpectedTensors) -> _Reading:
    """The reading of a mapping that was asked for, without the prefix with which it fits best.

    Raises:
        CheckpointError: the mapping fails whatever the prefix.
    """
    readings, errors = [], []
    for prefix in _prefixes_of(plain):
        try:
            readings.append(_rename(plain, prefix, named, expected))
        except CheckpointError as error:
            errors.append(error)
    if not readings:
        raise errors[0]
    return max(readings, key=lambda reading: reading.score)


def _ask_mappings(plain: _Reading, expected: ExpectedTensors, report: _Report) -> list[_Reading]:
    """The readings of all mappings that recognise the keys, without a shared prefix if need be."""
    readings: dict[str, _Reading] = {}
    for prefix in _prefixes_of(plain):
        keys = RenamedTensors.without_prefix(plain.section.tensors, prefix).keys()
        found = recognise_keys(keys)
        report.notes += [note for note in found.notes if note not in report.notes]
        for mapping in found.mappings:
            name = str(mapping)
            try:
                reading = _rename(plain, prefix, mapping, expected)
            except CheckpointError as error:
                if len(found.mappings) == 1 and not plain.score.fitting:
                    raise
                report.notes.append(f"key mapping {mapping} fails: {error}")
                continue
            if name not in readings or reading.score > readings[name].score:
                readings[name] = reading
    return list(readings.values())


def _prefixes_of(plain: _Reading) -> list[str]:
    """The prefixes that keys may lose before they are renamed: none, shared ones, the chosen."""
    shared = shared_prefixes(plain.section.tensors.keys())
    return list(dict.fromkeys(["", plain.vote.prefix, *shared]))


def _rename(
    plain: _Reading, prefix: str, named: PublishedMapping, expected: ExpectedTensors
) -> _Reading:
    """The reading of a mapping.

    Raises:
        CheckpointError: the mapping fails.
    """
    tensors = RenamedTensors.without_prefix(plain.section.tensors, prefix)
    try:
        renamed = named.mapping.rename(dict(tensors))
        by_suffix = named.mapping.matches_by_suffix
    except CheckpointError:
        raise
    except Exception as error:
        raise CheckpointError(
            f"key mapping {named} fails: {type(error).__name__}: {error}"
        ) from error
    score = expected.score(shapes_of(renamed), by_suffix=by_suffix)
    vote = plain.vote._replace(prefix=prefix)
    return _Reading(plain.section, vote, renamed, by_suffix, score, named)


def _note_others(best: _Reading, mapped: Sequence[_Reading], report: _Report) -> None:
    """Says which mappings recognised the keys and were not used, and why."""
    rivals = [reading for reading in mapped if reading is not best]
    for reading in rivals:
        fits = f"{reading.score.fitting} tensors fit with it"
        if best.mapping is None:
            other = f"{best.score.fitting} without"
        elif reading.score.fitting == best.score.fitting:
            fits, other = "it fits as well", f"as {best.mapping}, which is used"
        else:
            other = f"{best.score.fitting} with {best.mapping}, which is used"
        line = f"key mapping {reading.mapping} recognises these names, too: {fits}, {other}"
        target = report.notes if best.mapping is None else report.choices
        target.append(line.replace("as well, as", "as well as"))
