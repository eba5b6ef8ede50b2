"""Exported programs, of which metadata and ports are read."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any
from xml.sax.saxutils import quoteattr

from composer.construction import check_source
from composer.exporting import ProgramExporter, load_exporter, parse_file_description
from composer_exporters.onnx_metadata import _METADATA, _field
from fuzzing.target import Target, packed_target

_IMAGES = {"port": "x", "type": "ImageList", "form": "images", "keys": [], "tensors": ["a", None]}
_LEVELS = {
    "port": "y",
    "type": "Features",
    "form": "dict",
    "keys": ["p2"],
    "tensors": ["y.p2"],
    "shape": {"p2": {"channels": 4, "height": None, "width": None, "stride": 4}},
}
_DESCRIPTION = {
    "composer.name": "small",
    "composer.export": {
        "version": 1,
        "until": ["backbone"],
        "feeds": ["preprocess.images"],
        "ports": {"inputs": [_IMAGES], "outputs": [_LEVELS]},
        "inputs": [{"name": "a", "dtype": "float32", "shape": ["n", 3, "height", "width"]}],
        "outputs": [{"name": "y.p2", "dtype": "float32", "shape": ["n", 4, "h", "w"]}],
        "checked": {"y.p2": 1e-6},
        "examples": ["1 image of 64x64"],
        "tolerance": 1e-3,
    },
}
_SPEC = {
    "composer": 1,
    "inputs": {"x": "ImageList"},
    "nodes": {"part": {"uses": "exported", "inputs": {"x": "x"}, "with": {"file": ""}}},
    "outputs": {"y": "part"},
}
_ONNX = bytes([8, 8, 0x3A, 0])  # a version and an empty graph


def make_program_targets() -> Mapping[str, Target]:
    """The targets by name."""
    return {
        "onnx": packed_target(".onnx", [_DESCRIPTION], _pack_onnx, partial(_read, is_node=True)),
        "openvino": packed_target(".xml", [_DESCRIPTION], _pack_xml, partial(_read, is_node=True)),
        "pt2": packed_target(".pt2", [_DESCRIPTION], _pack_archive, _read),
    }


def _read(file: Path, *, is_node: bool = False) -> None:
    exporter = load_exporter(file.suffix.removeprefix("."))
    assert isinstance(exporter, ProgramExporter)
    parse_file_description(exporter.read_metadata(file), str(file))
    if is_node:
        spec = file.with_suffix(".yaml")
        spec.write_text(json.dumps(_SPEC).replace('"file": ""', f'"file": "{file.name}"'))
        check_source(spec)


def _list_texts(metadata: Mapping[str, Any]) -> dict[str, str]:
    """The metadata as texts: those that are none are JSON."""
    return {key: v if isinstance(v, str) else json.dumps(v) for key, v in metadata.items()}


def _pack_onnx(metadata: Mapping[str, Any]) -> bytes:
    found = [_ONNX]
    for key, text in _list_texts(metadata).items():
        entry = _field(1, _encode(key)) + _field(2, _encode(text))
        found.append(_field(_METADATA, entry))
    return b"".join(found)


def _encode(text: str) -> bytes:
    return text.encode(errors="surrogatepass")


def _pack_xml(metadata: Mapping[str, Any]) -> bytes:
    value = quoteattr(json.dumps(_list_texts(metadata)))
    entry = f"<rt_info><composer><metadata value={value} /></composer></rt_info>"
    return f'<?xml version="1.0"?>\n<net name="part" version="11">\n{entry}\n</net>\n'.encode()


def _pack_archive(metadata: Mapping[str, Any]) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        archive.writestr("part/archive_format", "pt2")
        archive.writestr("part/extra/composer.json", json.dumps(_list_texts(metadata)))
    return stream.getvalue()
