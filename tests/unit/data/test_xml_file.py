"""XML files are read in the encodings that they declare, and without document types."""

import codecs

import pytest

from composer.data.faults import BadPart
from composer.data.xml_file import parse_xml

BODY = "<a><name>Käfer</name></a>"


def declare(encoding):
    return f'<?xml version="1.0" encoding="{encoding}"?>\n{BODY}'


@pytest.mark.parametrize(
    "content",
    [
        BODY.encode(),
        BODY.encode("utf-8-sig"),
        declare("utf-8").encode("utf-8-sig"),
        declare("ISO-8859-1").encode("latin-1"),
        declare("windows-1252").encode("cp1252"),
        declare("UTF-16").encode("utf-16"),
        declare("utf-16").encode("utf-16-be"),
        codecs.BOM_UTF16_BE + BODY.encode("utf-16-be"),
        declare("utf-8").encode("utf-16"),
        BODY.replace("Käfer", "<![CDATA[Käfer]]>").encode(),
        BODY.replace("<a>", "<a><!-- no <!DOCTYPE here -->").encode(),
    ],
)
def test_encodings_and_sections_of_characters_are_read(tmp_path, content):
    (tmp_path / "a.xml").write_bytes(content)
    assert parse_xml(tmp_path / "a.xml").findtext("name") == "Käfer"


def test_encodings_of_several_bytes_are_read(tmp_path):
    text = '<?xml version="1.0" encoding="GB18030"?><a><name>甲虫</name></a>'
    (tmp_path / "a.xml").write_bytes(text.encode("gb18030"))
    assert parse_xml(tmp_path / "a.xml").findtext("name") == "甲虫"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "the file is empty"),
        (b"<a>", "not XML"),
        (b"<a>\xff</a>", "not UTF-8 text"),
        (declare("klingon").encode(), "unknown encoding 'klingon'"),
        (declare("zip").encode(), "unknown encoding 'zip'"),
        (declare("ascii").encode(), "not in the encoding 'ascii' that it declares"),
        (b"<!DOCTYPE a><a/>", "document type"),
        (b'<!DOCTYPE a [<!ENTITY x "y">]><a>&x;</a>', "document type"),
        ('<!DOCTYPE a [<!ENTITY x "y">]><a>&x;</a>'.encode("utf-16"), "document type"),
        (b'<?xml version="1.0" encoding="utf-7"?>+ADwAIQ-DOCTYPE a+AD4-<a/>', "document type"),
    ],
)
def test_documents_that_cannot_be_trusted_are_reported(tmp_path, content, message):
    (tmp_path / "a.xml").write_bytes(content)
    with pytest.raises(BadPart, match=message) as caught:
        parse_xml(tmp_path / "a.xml")
    assert caught.value.kind == "malformed"
    assert caught.value.message.startswith(str(tmp_path / "a.xml"))


def test_a_document_nested_a_million_deep_ends_no_process(tmp_path):
    (tmp_path / "a.xml").write_bytes(b"<a>" * 1_000_000)
    with pytest.raises(BadPart, match="not XML"):
        parse_xml(tmp_path / "a.xml")
