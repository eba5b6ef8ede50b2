"""Faults of single images and annotations of a dataset.

One bad image does not make a dataset useless: readers leave out what cannot be used, note a fault
for it, and go on. Whether faults are reported or refused is the user's choice.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Literal, get_args

from composer.data.records import AnnotationId
from composer.errors import DataError, InputError
from composer.escapes import escape_name

FaultKind = Literal[
    "missing_file",
    "unreadable_image",
    "truncated_image",
    "size_differs",
    "box_outside",
    "box_degenerate",
    "box_scale",
    "bad_area",
    "empty_polygon",
    "only_crowds",
    "no_mask",
    "bad_mask",
    "mask_outside",
    "bad_keypoints",
    "unknown_category",
    "unnamed_category",
    "unknown_image",
    "unknown_segment",
    "duplicate_id",
    "duplicate_name",
    "no_object",
    "malformed",
]
FaultPolicy = Literal["skip", "refuse"]

FAULT_KINDS: tuple[FaultKind, ...] = get_args(FaultKind)
_REMARKS: frozenset[FaultKind] = frozenset({"no_mask"})  # boxes beside masks are nothing wrong

_MAX_NAMES = 3
_log = logging.getLogger("composer.data")


@dataclass(frozen=True)
class Fault:
    """One fault of a dataset.

    Args:
        kind: what kind of fault.
        message: what is wrong, in words.
        image: the image's file name or id, where one is concerned.
        annotation: the annotation's id, where one is concerned.
        entry: the place of an entry that has no id of its own in its file: `annotations[7]`.
    """

    kind: FaultKind
    message: str
    image: str | None = None
    annotation: AnnotationId | None = None
    entry: str | None = None

    @property
    def is_remark(self) -> bool:
        """Whether it says what is there, and nothing is left out for it."""
        return self.kind in _REMARKS

    @property
    def subject(self) -> str:
        """The faulty part: `000123.jpg`, `000123.jpg, annotation 7` or `annotations[7]`."""
        parts = [] if self.image is None else [escape_name(self.image)]
        if self.annotation is not None:
            parts.append(f"annotation {self.annotation}")
        if self.entry is not None:
            parts.append(self.entry)
        return ", ".join(parts)

    def __str__(self) -> str:
        return f"{self.subject}: {self.message}" if self.subject else self.message


class BadPart(Exception):  # noqa: N818 - it never leaves `composer.data`
    """A part of a dataset that cannot be used: an image, a box, a mask.

    Args:
        kind: what kind of fault.
        message: what is wrong.
    """

    def __init__(self, kind: FaultKind, message: str) -> None:
        self.kind, self.message = kind, message
        super().__init__(message)


class PartnerError(InputError):
    """An image whose objects were to be pasted into another one cannot be used.

    Args:
        file_name: the image that cannot be used.
        reason: why not.
    """

    def __init__(self, file_name: str, reason: str) -> None:
        self.file_name = file_name
        super().__init__(reason)


@dataclass
class FaultLog:
    """Collects faults."""

    faults: list[Fault] = field(default_factory=list)

    def add(
        self,
        kind: FaultKind,
        message: str,
        image: object = None,
        annotation: AnnotationId | None = None,
        entry: str | None = None,
    ) -> None:
        """Notes a fault."""
        name = None if image is None else str(image)
        self.faults.append(Fault(kind, message, name, annotation, entry))


def count_faults(faults: Iterable[Fault]) -> dict[FaultKind, int]:
    """The number of faults of each kind that occurs."""
    counts = Counter(fault.kind for fault in faults)
    return {kind: counts[kind] for kind in FAULT_KINDS if counts[kind]}


def describe_faults(faults: Sequence[Fault], max_names: int = _MAX_NAMES) -> str:
    """Faults by kind, with counts and the first of each: a line a kind, a line each.

    Args:
        faults: the faults.
        max_names: how many of each kind are listed.
    """
    lines = []
    for kind, count in count_faults(faults).items():
        lines.append(f"{kind}: {count}")
        of_kind = [fault for fault in faults if fault.kind == kind]
        lines += [f"  {fault}" for fault in of_kind[:max_names]]
        if count > max_names:
            lines.append(f"  and {count - max_names} more")
    return "\n".join(lines)


def apply_policy(names: Sequence[str], faults: Sequence[Fault], policy: FaultPolicy) -> None:
    """Reports the faults of datasets to the log `composer.data`, or refuses them.

    Args:
        names: the datasets that have these faults, such as two selections of one file.
        faults: what their reader found.
        policy: `skip` reports, `refuse` refuses.

    Raises:
        DataError: there are faults, and they are refused.
    """
    remarks = [fault for fault in faults if fault.is_remark]
    faults = [fault for fault in faults if not fault.is_remark]
    quoted = ", ".join(f"'{name}'" for name in names)
    named = f"dataset{'' if len(names) == 1 else 's'} {quoted}"
    if remarks:
        _log.warning("note: %s:\n%s", named, _indented(remarks))
    if not faults:
        return
    total = f"{len(faults)} fault{'' if len(faults) == 1 else 's'}"
    told = _indented(faults)
    if policy == "refuse":
        hint = "`on_fault: skip` goes on without what is at fault."
        have = "has" if len(names) == 1 else "have"
        raise DataError(f"{named} {have} {total}:\n{told}\n{hint}", faults)
    _log.warning("%s: %s; what cannot be used is left out:\n%s", named, total, told)


def _indented(faults: Sequence[Fault]) -> str:
    return "\n".join(f"  {line}" for line in describe_faults(faults).splitlines())
