"""A kind of file that is fuzzed: sound contents, how they are damaged, and what reads them."""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from fuzzing.mutations import damage_bytes, damage_values


def dump_json(values: Any) -> bytes:
    """The values in JSON, which is YAML: its writer is quick and takes lone surrogates."""
    return json.dumps(values, indent=1).encode()


@dataclass(frozen=True)
class Target:
    """A kind of file, which is read in a copy of the folder of specs that ship.

    Args:
        suffix: of its names.
        corpus: sound contents.
        read: reads a file; it may raise errors of ours, and of the system.
        load: the plain values in a sound content, which are damaged as well as its bytes; None
            where there are none.
        dump: makes a content of plain values.
        is_forgiving: whether most of the faults of a file are noted, not refused.
    """

    suffix: str
    corpus: Sequence[bytes]
    read: Callable[[Path], object]
    load: Callable[[bytes], Any] | None = None
    dump: Callable[[Any], bytes] = dump_json
    is_forgiving: bool = False

    def make_case(self, seed: int) -> bytes:
        """A damaged content; the same for a seed."""
        draw = random.Random(seed)
        content = draw.choice(self.corpus)
        if self.load is not None and draw.random() < 0.5:
            return self.dump(damage_values(self.load(content), draw))
        return damage_bytes(content, draw, self.corpus)


def yaml_target(
    suffix: str, corpus: Sequence[bytes], read: Callable[[Path], object], **options: Any
) -> Target:
    """A target of documents in YAML or JSON."""
    return Target(suffix, corpus, read, yaml.safe_load, **options)


def packed_target(
    suffix: str,
    values: Sequence[Any],
    pack: Callable[[Any], bytes],
    read: Callable[[Path], object],
) -> Target:
    """A target of plain values inside of another format.

    Args:
        suffix: as for `Target`.
        values: of the sound contents.
        pack: makes a content of values, also of damaged ones.
        read: as for `Target`.
    """
    contents = {pack(each): each for each in values}
    return Target(suffix, list(contents), read, contents.__getitem__, pack)
