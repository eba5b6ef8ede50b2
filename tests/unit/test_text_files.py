"""Text files are read in the encodings that editors write."""

import codecs

import pytest

from composer.text_files import TextEncodingError, decode_text, read_text_file

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
