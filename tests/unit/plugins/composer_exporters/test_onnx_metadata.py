"""Metadata of ONNX files, read without onnx."""

import pytest

from composer.errors import CheckpointError
from composer_exporters.onnx_metadata import _field, append_metadata, read_metadata

MODEL = bytes([8, 10]) + _field(7, b"a graph" * 100)  # a version, and what no reader looks at


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "m.onnx"
    path.write_bytes(MODEL)
    return path


def test_what_is_appended_is_read(file):
    assert read_metadata(file) == {}
    append_metadata(file, {"a": "Größe", "b": "x" * 1000})
    append_metadata(file, {"a": "new"})
    assert read_metadata(file) == {"a": "new", "b": "x" * 1000}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "it has no version"),
        (bytes([8, 10]), "it has no graph"),
        (MODEL[:-3], "it ends too early"),
        (b"\x89PNG\r\n\x1a\n", "no ONNX file"),
        (b"\xff" * 64, "a number is too long"),
        (MODEL + _field(14, b"\x0a\x7fshort"), "an entry is no text"),
    ],
)
def test_what_is_no_onnx_file_is_refused(file, content, message):
    file.write_bytes(content)
    with pytest.raises(CheckpointError, match=message):
        read_metadata(file)
