"""The key mapping with which a checkpoint's names fit a graph best, if one is better than none.

A file that describes itself has the names of this codebase, or of the plugins that it was saved
with: nobody else's mapping is asked about it, however greedy. Of others the best fit wins, and a
stranger's mapping is never used in silence.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

from torch import Tensor

from composer.checkpoint.checkpoint_keys import (
    NO_MAPPING,
    KeyMapping,
    PublishedMapping,
    find_mapping,
    recognise_keys,
)
from composer.checkpoint.expected_tensors import ExpectedTensors, Score
from composer.checkpoint.key_prefixes import PrefixVote, shared_prefixes
from composer.checkpoint.renamed_tensors import RenamedTensors, shapes_of
from composer.checkpoint.saved_versions import list_namers
from composer.checkpoint.sections import Section
from composer.discovery import DISTRIBUTION, surviving_exits
from composer.errors import CheckpointError
from composer.escapes import describe_error


@dataclass(frozen=True)
class Reading:
    """One way to read a file."""

    section: Section
    vote: PrefixVote
    tensors: Mapping[str, Tensor]
    by_suffix: bool
    score: Score
    mapping: PublishedMapping | None = None


@dataclass
class Remarks:
    """What is said of the choices: always, or where something does not fit."""

    choices: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def choose_mapping(
    plain: Reading,
    expected: ExpectedTensors,
    wanted: str | KeyMapping | None,
    metadata: Mapping[str, str],
    report: Remarks,
) -> Reading:
    """The reading with the key mapping that was asked for, or with one that fits better.

    Args:
        plain: the reading with the names of the file.
        expected: the tensors that are to be loaded.
        wanted: the name of a mapping, or a mapping; "none" for none; None for the best.
        metadata: what the file says of itself.
        report: takes what is said of the choice.

    Raises:
        CheckpointError: there is no mapping of that name, or it fails.
    """
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
    mapped = _ask_mappings(plain, expected, list_namers(metadata), report)
    best = max([plain, *mapped], key=lambda reading: (reading.score.fitting, _rank(reading)))
    _note_others(best, mapped, report)
    is_foreign = best.mapping is not None and best.mapping.distribution != DISTRIBUTION
    if is_foreign and len(mapped) == 1:  # else it is named beside the others
        count, plain_count = best.score.fitting, plain.score.fitting
        report.choices.append(
            f"names as key mapping {best.mapping} renames them: {count} tensors fit, "
            f"{plain_count} with the names of the file; the option key_mapping chooses another"
        )
    return best


def _force_mapping(plain: Reading, named: PublishedMapping, expected: ExpectedTensors) -> Reading:
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


def _ask_mappings(
    plain: Reading,
    expected: ExpectedTensors,
    distributions: Collection[str] | None,
    report: Remarks,
) -> list[Reading]:
    """The readings of all mappings that recognise the keys, without a shared prefix if need be."""
    readings: dict[str, Reading] = {}
    for prefix in _prefixes_of(plain):
        keys = RenamedTensors.without_prefix(plain.section.tensors, prefix).keys()
        found = recognise_keys(keys, distributions=distributions)
        report.notes += [note for note in found.notes if note not in report.notes]
        for mapping in found.mappings:
            name = str(mapping)
            try:
                reading = _rename(plain, prefix, mapping, expected)
            except CheckpointError as error:
                if len(found.mappings) == 1 and not plain.score.fitting:
                    raise
                reason = describe_error(error, with_kind=False)
                report.notes.append(f"key mapping {mapping} fails: {reason}")
                continue
            if name not in readings or reading.score > readings[name].score:
                readings[name] = reading
    return list(readings.values())


def _prefixes_of(plain: Reading) -> list[str]:
    """The prefixes that keys may lose before they are renamed: none, shared ones, the chosen."""
    shared = shared_prefixes(plain.section.tensors.keys())
    return list(dict.fromkeys(["", plain.vote.prefix, *shared]))


def _rename(
    plain: Reading, prefix: str, named: PublishedMapping, expected: ExpectedTensors
) -> Reading:
    """The reading of a mapping.

    Raises:
        CheckpointError: the mapping fails.
    """
    tensors = RenamedTensors.without_prefix(plain.section.tensors, prefix)
    try:
        with surviving_exits():
            renamed = named.mapping.rename(dict(tensors))
        by_suffix = named.mapping.matches_by_suffix
    except CheckpointError:
        raise
    except Exception as error:
        raise CheckpointError(f"key mapping {named} fails: {describe_error(error)}") from error
    score = expected.score(shapes_of(renamed), by_suffix=by_suffix)
    vote = plain.vote._replace(prefix=prefix)
    return Reading(plain.section, vote, renamed, by_suffix, score, named)


def _rank(reading: Reading) -> int:
    """What is taken of readings that fit equally well: the file's own names, then our mapping."""
    if reading.mapping is None:
        return 2
    return int(reading.mapping.distribution == DISTRIBUTION)


def _note_others(best: Reading, mapped: Sequence[Reading], report: Remarks) -> None:
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
