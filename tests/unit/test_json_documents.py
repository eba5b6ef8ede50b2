"""Documents of our own that were damaged, or exchanged."""

import os

import pytest

from composer.json_documents import parse_json_document, read_json_document

WRONG = {
    b"[" * 100_000: "nested too deep",
    b'{"a":' * 100_000: "nested too deep",
    b"1" * 5000: "too many digits",
    b'{"a": 1': "no JSON from character 7 on",
    b"": "no JSON from character 0 on",
    b'"\xff"': "no text in UTF-8 from byte 1 on",
}


@pytest.mark.parametrize(("content", "reason"), WRONG.items(), ids=list(WRONG.values()))
def test_all_that_is_wrong_with_a_document_is_one_kind_of_error(content, reason, tmp_path):
    file = tmp_path / "document.json"
    file.write_bytes(content)
    with pytest.raises(ValueError, match=reason):
        read_json_document(file)
    with pytest.raises(ValueError, match=reason):
        parse_json_document(content)
    with pytest.raises(ValueError, match=reason):
        parse_json_document(content, is_strict=True)


def test_only_where_it_is_wanted_keys_occur_once_and_text_is_utf_8():
    twice, wide = b'{"a": 1, "a": 2}', '{"a": 2}'.encode("utf-16")
    assert parse_json_document(twice) == parse_json_document(wide) == {"a": 2}
    with pytest.raises(ValueError, match="the key 'a' occurs twice"):
        parse_json_document(twice, is_strict=True)
    with pytest.raises(ValueError, match="no text in UTF-8 from byte 0 on"):
        parse_json_document(wide, is_strict=True)


def test_a_document_that_is_too_large_is_not_read(tmp_path):
    file = tmp_path / "document.json"
    file.write_text("[1, 2]")
    assert read_json_document(file, largest=6) == [1, 2]
    with pytest.raises(ValueError, match="more than 5 bytes"):
        read_json_document(file, largest=5)


def test_a_pipe_in_place_of_a_document_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "document.json")
    with pytest.raises(OSError, match="it is a pipe"):
        read_json_document(tmp_path / "document.json")
