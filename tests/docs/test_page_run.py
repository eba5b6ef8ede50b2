"""The documentation's test harness fails when a page does not hold what it says."""

import textwrap

import pytest

from snippets.page_run import PageRun, SnippetError
from snippets.transcript import Exchange, compare_output, split_transcript


@pytest.fixture
def run_page(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "specs").mkdir()

    def run(text):
        page = tmp_path / "page.md"
        page.write_text(textwrap.dedent(text))
        PageRun(page, tmp_path).run()

    return run


def test_python_blocks_share_a_namespace(run_page):
    run_page(
        """
        ```python
        x = 1
        ```

        1. In a list:

           ```python
           assert x == 1
           ```
        """
    )


def test_failing_python_block_raises_at_its_line_of_the_page(run_page):
    with pytest.raises(ZeroDivisionError) as error:
        run_page("Text.\n\n```python\nx = 1\n1 / 0\n```\n")
    frame = error.traceback[-1]
    assert (frame.path.name, frame.lineno + 1) == ("page.md", 5)


def test_annotations_of_a_page_resolve(run_page):
    run_page(
        """
        ```python
        from __future__ import annotations
        import typing
        class Size: ...
        class Head:
            size: Size
        assert typing.get_type_hints(Head) == {"size": Size}
        ```
        """
    )


def test_printed_output_is_compared(run_page):
    page = "```python\nprint('a b')\n```\n\n<!-- output -->\n```text\n{}\n```\n"
    run_page(page.format("a  b"))
    with pytest.raises(SnippetError, match=r"page\.md:6"):
        run_page(page.format("other"))


def test_doctest_blocks_are_compared(run_page):
    run_page("```python\n>>> x = 2\n>>> x + 1\n3\n```\n\n```python\nassert x == 2\n```\n")
    with pytest.raises(SnippetError, match="Expected"):
        run_page("```python\n>>> 1 + 1\n3\n```\n")


def test_setup_comments_run(run_page):
    run_page("<!-- setup\nx = 1\n-->\n\n```python\nassert x == 1\n```\n")


def test_command_output_is_compared(run_page):
    run_page("```console\n$ echo one; echo two\none\n...\n```\n")
    with pytest.raises(SnippetError, match=r"\+two"):
        run_page("```console\n$ echo one; echo two\none\n```\n")


def test_failing_command_is_reported_unless_its_exit_code_is_shown(run_page):
    with pytest.raises(SnippetError, match="exit code 3"):
        run_page("```console\n$ exit 3\n```\n")
    run_page("<!-- exit: 3 -->\n```console\n$ exit 3\n```\n")
    with pytest.raises(SnippetError, match="exit code 0"):
        run_page("<!-- exit: 3 -->\n```console\n$ true\n```\n")


def test_mark_counts_for_the_next_block_only(run_page):
    with pytest.raises(SnippetError, match="exit code 3"):
        run_page("<!-- exit: 3 -->\n\nText.\n\n```console\n$ exit 3\n```\n")


def test_marked_file_is_written(run_page):
    run_page(
        "<!-- file: folder/a.txt -->\n```text\nhello\n```\n\n"
        "```console\n$ cat folder/a.txt\nhello\n```\n"
    )


@pytest.mark.parametrize(
    ("mark", "block"),
    [
        ("<!-- skip: slow -->", "```console\n$ composer run x.yaml\n```"),
        ("<!-- skip: slow -->", "```python\nx = 1\n```"),
        ("<!-- skip -->", "```console\n$ pip install x\n```"),
    ],
)
def test_only_installation_commands_are_skipped_and_for_a_reason(run_page, mark, block):
    with pytest.raises(SnippetError, match="skip"):
        run_page(f"{mark}\n{block}\n")


def test_installation_commands_can_be_skipped(run_page):
    run_page("<!-- skip: needs a network -->\n```console\n$ pip install no-such-thing\n```\n")


@pytest.mark.parametrize("language", ["", "bash", "py", "{code-block} python"])
def test_code_that_would_not_run_is_refused(run_page, language):
    with pytest.raises(SnippetError, match="not known"):
        run_page(f"```{language}\nx\n```\n")


def test_malformed_yaml_is_reported(run_page):
    run_page("```yaml\nwith: {depth: ${depth}}\n```\n")
    with pytest.raises(Exception, match="expected"):
        run_page("```yaml\na: [1\n```\n")


def test_transcript_keeps_commands_of_several_lines_together():
    exchanges = list(split_transcript("$ a \\\n    b\nout\n\n$ c\n"))
    assert exchanges == [Exchange("a \\\n    b", "out"), Exchange("c", "")]


def test_output_without_command_is_refused():
    with pytest.raises(ValueError, match="no command"):
        list(split_transcript("out\n"))


@pytest.mark.parametrize(
    ("shown", "printed"),
    [
        ("a   12 ms", "a 9.31 s"),
        ("a\n...\nd", "a\nb\nc\nd"),
        ("a\n...\nd", "a\nd"),
        ("in ... of 3", "in 2 of 3"),
        ("a.b", "a.b\n\n"),
    ],
)
def test_outputs_that_differ_in_times_blanks_or_wildcards_are_equal(shown, printed):
    assert compare_output(shown, printed) == ""


@pytest.mark.parametrize(
    ("shown", "printed"), [("a", "b"), ("a\n...", "b\na"), ("a.b", "axb"), ("a", "a\nb")]
)
def test_outputs_that_differ_otherwise_are_reported(shown, printed):
    assert compare_output(shown, printed) != ""
