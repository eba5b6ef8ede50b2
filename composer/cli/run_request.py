"""What a user asks of `composer run`."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import click

from composer.language import Mode


@dataclass(frozen=True)
class RunRequest:
    """The options of one run, as they were given.

    Args:
        spec: file or name of the spec.
        until: the targets; the whole graph if there are none.
        inputs: files, some as `NAME=FILE`.
        feeds: files by node or port.
        weights: checkpoints by node, the empty name for the whole model.
        skip_mismatched: whether weights of another shape stay as they are.
        allow_missing: whether weights that a checkpoint lacks stay as they are.
        allow_unexpected: whether weights that no node has are passed over.
        settings: `name=value` for params.
        mode: the mode.
        device: name of the device.
        seed: the seed.
        dry_run: whether only the plan is wanted.
        profile: whether memory is to be measured.
        save: file or folder for the results, or None for the usual one.
        no_save: whether nothing is to be saved.
        as_json: whether a JSON document is wanted instead of text.
    """

    spec: str
    until: Sequence[str]
    inputs: Sequence[str]
    feeds: Mapping[str, str]
    weights: Mapping[str, str]
    skip_mismatched: bool
    allow_missing: bool
    allow_unexpected: bool
    settings: Sequence[str]
    mode: Mode
    device: str
    seed: int
    dry_run: bool
    profile: bool
    save: str | None
    no_save: bool
    as_json: bool

    def __post_init__(self) -> None:
        if self.save is None:
            return
        if self.no_save:
            raise click.UsageError("--save and --no-save exclude each other")
        suffix = Path(self.save).suffix
        if suffix not in ("", ".safetensors"):
            raise click.UsageError(f"--save {self.save}: values are saved as .safetensors")
        if suffix and len(self.until) > 1:
            raise click.UsageError(f"--save {self.save}: name a folder for several targets")

    def file_for(self, model: str, result: str) -> Path | None:
        """Where a result is saved; None if it is not.

        Args:
            model: name of the spec.
            result: name of the target, or `outputs`.
        """
        if self.no_save:
            return None
        if self.save is not None and Path(self.save).suffix:
            return Path(self.save)
        folder = Path("runs", _as_file_name(model)) if self.save is None else Path(self.save)
        return folder / f"{_as_file_name(result)}.safetensors"


def _as_file_name(name: str) -> str:
    """A name without anything that leads to another folder or that some system refuses."""
    return re.sub(r"[^\w.-]", ".", name).lstrip(".") or "unnamed"
