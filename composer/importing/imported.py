"""A detectron2 configuration as a spec."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from composer.documents import Place, ProblemLog, read_text
from composer.importing.account import Account, make_account
from composer.importing.architecture import read_architecture
from composer.importing.config import Config
from composer.importing.lazy import import_lazy, is_lazy
from composer.importing.spec_text import write_spec_text
from composer.importing.translation import translate


@dataclass(frozen=True)
class Imported:
    """An imported configuration.

    Args:
        document: the spec, as `Graph.from_spec` takes it.
        account: the account of each key.
        keys: the configuration's key of addresses of the spec, as far as one has their value.
    """

    document: dict[str, Any]
    account: Account
    keys: Mapping[str, str]

    def to_yaml(self) -> str:
        """The spec as YAML, with what was not carried over as a comment at its end."""
        return write_spec_text(self.document, self.account)


def read_import(path: str | os.PathLike[str]) -> Imported:
    """Reads a detectron2 configuration and makes a spec of our blocks from it.

    Args:
        path: a YAML file: a whole configuration, or one with `_BASE_`, over detectron2's defaults;
            or what LazyConfig writes.

    Raises:
        SpecError: with all that cannot be read or expressed, each with its key and value.
    """
    log = ProblemLog()
    file = Path(path)
    if file.suffix != ".py":
        text = read_text(file, Place(str(file)))
        if is_lazy(text):
            draft, account, kind = import_lazy(text, file, log)
            doc = f"{kind} of detectron2's lazy configuration {file.name}."
            return Imported(draft.document(_name(file.stem), doc), account, draft.keys)
    config = Config(file, log)
    model = read_architecture(config)
    log.raise_any()
    assert model is not None
    draft = translate(config, model)
    account = make_account(config)
    log.raise_any()
    doc = f"{model.name} of detectron2's configuration {file.name}."
    return Imported(draft.document(_name(file.stem), doc), account, draft.keys)


def import_config(path: str | os.PathLike[str]) -> dict[str, Any]:
    """The spec of a detectron2 configuration, as `Graph.from_spec` takes it.

    Args:
        path: a YAML file: a whole configuration, or one with `_BASE_`, over detectron2's defaults;
            or what LazyConfig writes.

    Raises:
        SpecError: with all that cannot be read or expressed, each with its key and value.
    """
    return read_import(path).document


def _name(stem: str) -> str:
    return re.sub(r"\W+", "_", stem).strip("_").lower() or "imported"
