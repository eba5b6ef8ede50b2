"""Parts of HTML: texts are shown as they are, and cannot be more."""

from composer.html_parts import embed_picture, make_heading, make_table, write_text


def test_texts_are_escaped():
    assert write_text("<b>&\x1b[31m") == "&lt;b&gt;&amp;\\x1b[31m"
    assert "<script" not in make_heading("<script>alert(1)</script>")
    assert 'alt="&quot;&gt;"' in embed_picture(b"", "png", alt='">')


def test_a_table_has_its_rows_and_says_what_is_left_out():
    table = make_table(["", "name"], [(0, "<i>"), (1, "b")], left_out=3)
    assert table.count("<tr>") == 3
    assert "&lt;i&gt;" in table
    assert "... and 3 more" in table


def test_a_picture_needs_no_file():
    assert 'src="data:image/png;base64,aGVsbG8="' in embed_picture(b"hello", "png")
