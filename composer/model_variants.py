"""Variants of a model by name: `people@bfloat16`, `people@openvino:int8`. Torch is not imported."""

from __future__ import annotations

from typing import Literal, NamedTuple, get_args

from composer.discovery import discover
from composer.downloads import is_hub_model
from composer.errors import InputError
from composer.files import is_there
from composer.names import did_you_mean

Precision = Literal["float32", "bfloat16", "int8"]
PRECISIONS: tuple[Precision, ...] = get_args(Precision)
_EAGER, _OPTIMIZED = "eager", "optimized"
_ENGINES = "composer.engines"


class ModelVariant(NamedTuple):
    """A model, and a way in which it runs inference.

    Attributes:
        model: the name of the model.
        precision: `float32`, `bfloat16` or `int8`.
        engine: the name of an engine; empty for PyTorch.
        is_eager: whether the modules run as they are.
    """

    model: str
    precision: Precision = "float32"
    engine: str = ""
    is_eager: bool = True


def split_variant(text: str) -> ModelVariant:
    """Reads the name of a model with a variant after an `@`, or without.

    A variant is a precision (optimised by PyTorch), `optimized`, `eager`, the name of an engine
    (which may be qualified), or
    `ENGINE:PRECISION`. A file of the whole name is that file, and what follows the name of a model
    on a hub is its revision (`hf://owner/repo@main@bfloat16` has both).

    Args:
        text: the name.

    Raises:
        InputError: there is no such variant, or one of its names is missing.
    """
    model, at, variant = text.rpartition("@")
    is_revision = "@" not in model and is_hub_model(text)
    is_path = "/" in variant and variant.partition(":")[0] not in _list_engines()
    if not at or is_path or is_revision or is_there(text):
        return ModelVariant(text)
    if not model or not variant:
        raise InputError(f"'{text}' is not MODEL@VARIANT, such as people@bfloat16")
    if variant == _EAGER:
        return ModelVariant(model)
    if variant == _OPTIMIZED:
        return ModelVariant(model, is_eager=False)
    if variant == "int8":
        raise InputError(f"'{text}': int8 needs an engine, as in {model}@openvino:int8")
    if variant in PRECISIONS:
        return ModelVariant(model, _read_precision(text, variant), is_eager=False)
    engine, colon, precision = variant.partition(":")
    _check_engine(text, engine)
    chosen = _read_precision(text, precision if colon else "float32")
    return ModelVariant(model, chosen, engine, is_eager=False)


def _read_precision(text: str, name: str) -> Precision:
    for known in PRECISIONS:
        if name == known:
            return known
    hint = did_you_mean(name, PRECISIONS, "precisions")
    raise InputError(f"'{text}': there is no precision '{name}'. {hint}")


def _list_engines() -> list[str]:
    """The names of engines, and their qualified ones."""
    return sorted({name for each in discover(_ENGINES) for name in (each.name, each.qualified)})


def _check_engine(text: str, engine: str) -> None:
    engines = _list_engines()
    if engine not in engines:
        known = [*PRECISIONS, _OPTIMIZED, _EAGER, *engines]
        hint = did_you_mean(engine, known, "variants")
        raise InputError(f"'{text}': there is no variant '{engine:.100}'. {hint}")
