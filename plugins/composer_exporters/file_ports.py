"""The ports of an exported file, as its metadata describe them. Somebody else may have made it."""

from __future__ import annotations

import keyword
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from pydantic import ConfigDict, TypeAdapter, ValidationError, with_config
from typing_extensions import NotRequired, TypedDict

from composer.errors import CheckpointError
from composer.json_documents import parse_json_document

_KEY = "composer.export"
_NUM_TENSORS = {"tensor": 1, "images": 2, "dict": None, "list": None}  # by form; None: any number
_NAMED_BY_PYTHON = "self"  # the first parameter of a method
_STRICT = ConfigDict(strict=True, extra="forbid")


class FilePorts(NamedTuple):
    """The ports of a file; `composer.exporting` describes their parts.

    Attributes:
        inputs: those that take values.
        outputs: those that give some, one at least.
    """

    inputs: Sequence[Mapping[str, Any]]
    outputs: Sequence[Mapping[str, Any]]


@with_config(_STRICT)
class _Shape(TypedDict, total=False):
    channels: int | None
    height: int | None
    width: int | None
    stride: int | None


@with_config(ConfigDict(strict=True))
class _Port(TypedDict):
    port: str
    type: str
    form: str
    keys: list[str]
    tensors: list[str | None]
    shape: NotRequired[_Shape | dict[str, _Shape] | None]


@with_config(ConfigDict(strict=True))
class _Both(TypedDict):
    inputs: list[_Port]
    outputs: list[_Port]


_FORM = TypeAdapter(_Both)


def read_ports(path: Path) -> FilePorts:
    """The ports in the metadata of a file.

    Raises:
        ValueError: it has none, or some that a node cannot have.
    """
    metadata = _read_metadata(path)
    if _KEY not in metadata:
        raise ValueError(
            f"'{path.name}' does not say which ports it has: only files of `composer export` do"
        )
    try:
        found: Any = _FORM.validate_python(parse_json_document(metadata[_KEY])["ports"])
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        place = ".".join(map(str, first["loc"])) or "its ports"
        reason = f"{place:.80}: {first['msg']:.80}"
        raise ValueError(f"'{path.name}': its description is damaged: {reason}") from error
    except (KeyError, TypeError, ValueError) as error:
        raise ValueError(f"'{path.name}': its description is damaged") from error
    for kind in ("inputs", "outputs"):
        _check_ports(path, found[kind])
    if not found["outputs"]:
        raise ValueError(f"'{path.name}' has no output, which a node needs")
    return FilePorts(found["inputs"], found["outputs"])


def _check_ports(path: Path, ports: Sequence[Mapping[str, Any]]) -> None:
    for port in ports:
        name, form = port["port"], port["form"]
        if form not in _NUM_TENSORS:
            raise ValueError(
                f"'{path.name}': '{name:.80}' is made of more than tensors. Export nodes "
                "of tensors: --feed what enters them (preprocess.images), --until what leaves"
            )
        is_taken = keyword.iskeyword(name) or name.startswith("_") or name == _NAMED_BY_PYTHON
        if is_taken or not name.isidentifier():
            raise ValueError(f"'{path.name}' has a port '{name:.80}', which no port can be called")
        wanted = len(set(port["keys"])) if form == "dict" else _NUM_TENSORS[form]
        if wanted is not None and len(port["tensors"]) != wanted:
            raise ValueError(
                f"'{path.name}': its port '{name:.80}' is made of {len(port['tensors'])} tensors, "
                f"and should be of {wanted}"
            )
    counts = Counter(port["port"] for port in ports)
    if twice := [name for name, count in counts.items() if count > 1]:
        raise ValueError(f"'{path.name}' has two ports '{twice[0]:.80}'")


def _read_metadata(path: Path) -> Mapping[str, str]:
    from composer_exporters import onnx_metadata, openvino_exporter

    reader = onnx_metadata if path.suffix == ".onnx" else openvino_exporter
    try:
        return reader.read_metadata(path)
    except CheckpointError as error:
        raise ValueError(str(error)) from error
