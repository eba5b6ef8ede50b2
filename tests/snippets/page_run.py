"""Runs the blocks of one page, one after the other, in a folder of its own."""

from __future__ import annotations

import doctest
import json
import re
import sys
from collections.abc import Callable
from contextlib import redirect_stdout
from io import StringIO
from pathlib import Path
from types import ModuleType

import yaml

from snippets.commands import run_command
from snippets.page import SETUP, Block, read_page
from snippets.transcript import compare_output, split_transcript

_INSTALLATION = re.compile(
    r"git clone|cd |make\b|(python3? -m )?(pip install|venv)|python3? -m build|source |pre-commit"
)
_PROSE = {"text", "mermaid", "dot", "toml", "ini", "makefile", "diff"}


class SnippetError(AssertionError):
    """A block does not do what the page says."""


class PageRun:
    """The state that the blocks of one page share: a namespace, files, what was printed.

    Args:
        page: the Markdown file.
        folder: where its commands run and its files are written; the current folder of Python.
    """

    def __init__(self, page: Path, folder: Path) -> None:
        self.page, self.folder = page, folder
        self.module = ModuleType(f"page_{page.stem.lower()}")
        self.printed = ""
        self.runners: dict[str, Callable[[Block], None]] = {
            SETUP: self.run_python,
            "python": self.run_python,
            "console": self.run_console,
            "yaml": self.check_yaml,
            "json": lambda block: json.loads(block.text),
            "text": self.compare_text,
        }

    def run(self) -> None:
        """Runs every block.

        Raises:
            SnippetError: at the first block that fails, with its place.
        """
        sys.modules[self.module.__name__] = self.module  # for whoever resolves annotations
        try:
            for block in read_page(self.page):
                self.run_block(block)
        finally:
            del sys.modules[self.module.__name__]

    def run_block(self, block: Block) -> None:
        """Runs one block, or does what its marks say."""
        if "skip" in block.marks:
            self.check_skip(block)
        elif "file" in block.marks:
            path = self.folder / block.marks["file"]
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(block.text, encoding="utf-8")
            if block.language == "yaml":
                self.check_yaml(block)
        elif block.language in self.runners:
            self.runners[block.language](block)
        elif block.language not in _PROSE and not self.is_prose_directive(block):
            self.fail(block, f"blocks of the language '{block.language}' are not known")

    def is_prose_directive(self, block: Block) -> bool:
        """Tells whether a block is a MyST directive that holds no code."""
        return block.language.startswith("{") and not block.language.startswith("{code")

    def check_skip(self, block: Block) -> None:
        """Makes sure that only installation commands are skipped, and for a reason."""
        if not block.marks["skip"]:
            self.fail(block, "it is skipped without a reason")
        commands = re.findall(r"^\$ (.*)", block.text, re.MULTILINE)
        if block.language != "console" or not all(map(_INSTALLATION.match, commands)):
            self.fail(block, "only installation commands can be skipped")

    def run_python(self, block: Block) -> None:
        """Executes a block in the page's namespace, as a doctest if it begins with `>>>`."""
        if block.text.startswith(">>> "):
            self.run_doctest(block)
            return
        code = compile("\n" * block.line + block.text, self.page, "exec", dont_inherit=True)
        with redirect_stdout(StringIO()) as output:
            exec(code, self.module.__dict__)
        self.printed = output.getvalue()

    def run_doctest(self, block: Block) -> None:
        """Executes the examples of a block and compares what they show."""
        name = self.page.name
        example = doctest.DocTestParser().get_doctest(
            block.text, self.module.__dict__, name, name, block.line
        )
        example.globs = self.module.__dict__  # get_doctest made a copy
        runner = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE)
        report = StringIO()
        if runner.run(example, out=report.write, clear_globs=False).failed:
            self.fail(block, report.getvalue())

    def run_console(self, block: Block) -> None:
        """Runs the commands of a block and compares what they print, where that is shown."""
        exchanges = list(split_transcript(block.text))
        for number, exchange in enumerate(exchanges, start=1):
            last = number == len(exchanges)
            code, printed = run_command(exchange.command, self.folder)
            if code != (int(block.marks.get("exit", 0)) if last else 0):
                self.fail(block, f"$ {exchange.command}\nends with exit code {code}:\n{printed}")
            difference = compare_output(exchange.output, printed) if exchange.output else ""
            if difference:
                self.fail(block, f"$ {exchange.command}\n{difference}")

    def check_yaml(self, block: Block) -> None:
        """Parses a block; one that is a whole spec has to pass `composer check`."""
        if not block.text.startswith("composer: 1"):
            list(yaml.compose_all(re.sub(r"\$\{(\w+)\}", r"$\1", block.text)))
            return
        path = self.folder / block.marks.get("file", f"specs/_line_{block.line}.yaml")
        path.parent.mkdir(exist_ok=True)
        path.write_text(block.text, encoding="utf-8")
        code, printed = run_command(f"composer check {path.relative_to(self.folder)}", self.folder)
        if code != (1 if "problems" in block.marks else 0):
            self.fail(block, f"composer check ends with exit code {code}:\n{printed}")

    def compare_text(self, block: Block) -> None:
        """Compares a block that is marked as output with what Python printed last."""
        if "output" in block.marks and (difference := compare_output(block.text, self.printed)):
            self.fail(block, difference)

    def fail(self, block: Block, message: str) -> None:
        """Raises with the place of a block."""
        raise SnippetError(f"{self.page}:{block.line}: {message}")
