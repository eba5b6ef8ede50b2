"""Text files are read in the encodings that editors write."""

import codecs
import os

import pytest

from composer import text_files
from composer.data.faults import BadPart
from composer.data.json_file import load_json
from composer.data.readers.box_table import box_table
from composer.data.xml_file import parse_xml
from composer.errors import ComposerError, DataError
from composer.extraction import list_images
from composer.text_files import TextEncodingError, TextSizeError, decode_text, read_text_file

TEXT = '{"name": "Käfer 甲虫"}\n'


@pytest.mark.parametrize(
    "content",
    [
        TEXT.encode("utf-8"),
        TEXT.encode("utf-8-sig"),
        TEXT.encode("utf-16"),
        codecs.BOM_UTF16_BE + TEXT.encode("utf-16-be"),
        TEXT.encode("utf-32"),
        TEXT.encode("utf-16-le"),
        TEXT.encode("utf-16-be"),
        TEXT.replace("\n", "\r\n").encode("utf-8-sig"),
    ],
)
def test_marks_name_the_encoding_and_are_no_part_of_the_text(tmp_path, content):
    (tmp_path / "a.json").write_bytes(content)
    assert decode_text(content) == read_text_file(tmp_path / "a.json") == TEXT


def test_an_empty_file_is_an_empty_text():
    assert decode_text(b"") == decode_text(codecs.BOM_UTF8) == ""


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"one\nK\xe4fer", r"not UTF-8 text \(byte 5, in line 2\); save it as UTF-8"),
        (b"\xff\xfea", "not UTF-16 text"),
    ],
)
def test_other_encodings_are_reported_with_the_place(content, message):
    with pytest.raises(TextEncodingError, match=message):
        decode_text(content)


def write_sparse(path, beginning=b""):
    """A file of a tebibyte that takes a few blocks of the disk."""
    path.write_bytes(beginning)
    os.truncate(path, 2**40)
    return path


def test_a_text_that_is_larger_than_the_memory_is_not_read(tmp_path, monkeypatch):
    monkeypatch.setattr(text_files, "available_memory", lambda: 20 * 2**30)
    monkeypatch.delenv("COMPOSER_MAX_BYTES", raising=False)
    file = write_sparse(tmp_path / "a.json")
    with pytest.raises(TextSizeError) as caught:
        read_text_file(file)
    message = str(caught.value)
    assert "it has 1 TiB and would take at least 3 TiB of memory, and 20 GiB are at hand" in message
    assert "(COMPOSER_MAX_BYTES=3072G)" in message
    os.truncate(file, 100)
    monkeypatch.setattr(text_files, "available_memory", lambda: 0)  # the floor is for small files
    assert len(read_text_file(file)) == 100
    monkeypatch.setenv("COMPOSER_MAX_BYTES", "200")
    with pytest.raises(TextSizeError, match="it has 100 bytes and would take at least 300 bytes"):
        read_text_file(file)
    monkeypatch.setenv("COMPOSER_MAX_BYTES", "300")
    assert len(read_text_file(file)) == 100


READERS = {
    "boxes.csv": lambda file: box_table(table=file),
    "results.json": load_json,
    "a.xml": parse_xml,
}


@pytest.mark.parametrize("name", READERS)
def test_readers_of_giant_texts_name_the_file_and_the_way_out(name, tmp_path):
    file = write_sparse(tmp_path / name, b"filename,class,xmin,ymin,xmax,ymax\n")
    with pytest.raises((DataError, BadPart)) as caught:
        READERS[name](file)
    assert f"{name}: it has 1 TiB" in str(caught.value)
    assert "COMPOSER_MAX_BYTES" in str(caught.value)


@pytest.mark.parametrize("content", [b"a.png\nK\xe4fer.png\n", b""])
def test_a_list_of_images_that_is_no_text_is_an_error_with_its_name(content, tmp_path):
    file = tmp_path / "names.txt"
    file.write_bytes(content) if content else write_sparse(file)
    with pytest.raises(ComposerError, match=r"names\.txt: it (is not UTF-8|has 1 TiB)"):
        list_images([file])
