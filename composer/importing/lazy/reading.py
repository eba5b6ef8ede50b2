"""Reads a lazy configuration and makes the draft of a spec from it."""

from __future__ import annotations

import re
from pathlib import Path
from typing import NamedTuple

from composer.documents import Place, ProblemLog
from composer.importing.account import Account
from composer.importing.config_file import MAX_CHARACTERS
from composer.importing.draft import Draft
from composer.importing.lazy.interpolation import resolve_interpolations
from composer.importing.lazy.lazy_config import LazyConfig
from composer.importing.lazy.lazy_file import read_lazy_file
from composer.importing.lazy.lazy_model import read_model
from composer.importing.lazy.translation import translate_lazy

# Keys that one kind of configuration has at its outermost level, and the other has not.
_LAZY_KEYS = re.compile(r"^(model|dataloader|optimizer|lr_multiplier|train)\s*:", re.MULTILINE)
_TARGETS = re.compile(r"\b_target_\s*:")


class LazyImport(NamedTuple):
    """A draft, the account of each key, and the name of the model."""

    draft: Draft
    account: Account
    name: str


def is_lazy(text: str) -> bool:
    """Whether a configuration is one of LazyConfig: with `_target_`, or with a key `model`."""
    return bool(_TARGETS.search(text) or _LAZY_KEYS.search(text))


def import_lazy(text: str, path: Path, log: ProblemLog) -> LazyImport:
    """Makes a draft from a lazy configuration.

    Args:
        text: the file's text.
        path: the file.
        log: takes what cannot be expressed.

    Raises:
        SpecError: with all that cannot be read or expressed, each with its key and value.
    """
    if len(text) > MAX_CHARACTERS:
        log.add(Place(str(path)), "the configuration is too large")
        log.raise_any()
    try:
        config = LazyConfig(path, resolve_interpolations(read_lazy_file(text, path)), log)
        return _translate(config)
    except RecursionError:  # interpolations may nest what is not deep in the file
        log.add(Place(str(path)), "the configuration is too deep")
        log.raise_any()
        raise


def _translate(config: LazyConfig) -> LazyImport:
    model = read_model(config)
    config.log.raise_any()
    assert model is not None
    draft = translate_lazy(config, model)
    config.log.raise_any()
    account = config.make_account()
    config.log.raise_any()
    return LazyImport(draft, account, model.call.name)
