"""The exercises of the architecture page work as they are written."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from snippets.page import read_page

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs/architecture.md"
COMMAND = "check mask_rcnn_r50_fpn_scored --set mask_scores.floor=0.1 --quiet"
PARTS = 3


def read_hunk(text: str) -> tuple[str, str]:
    """The lines of a change before and after it."""
    lines = text.splitlines()
    before = [line[1:] for line in lines if not line.startswith("+")]
    after = [line[1:] for line in lines if not line.startswith("-")]
    return "\n".join(before), "\n".join(after)


def make_change(file: Path, change: str) -> None:
    text = file.read_text()
    for hunk in change.split("\n...\n"):
        before, after = read_hunk(hunk)
        assert text.count(before) == 1, f"{file.name} has not once:\n{before}"
        text = text.replace(before, after)
    file.write_text(text)


def run_command(tree: Path) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": f"{tree}{os.pathsep}{tree / 'plugins'}"}
    return subprocess.run(
        [sys.executable, "-m", "composer", *COMMAND.split()],
        capture_output=True,
        text=True,
        cwd=tree,
        env=environment,
    )


@pytest.mark.slow
def test_exercises_work_together(tmp_path):
    for name in ("composer", "plugins", "specs"):
        shutil.copytree(ROOT / name, tmp_path / name)
    assert run_command(tmp_path).returncode != 0
    changes = [block for block in read_page(PAGE) if block.marks.keys() & {"change", "file"}]
    assert len(changes) == PARTS
    for block in changes:
        if "change" in block.marks:
            make_change(tmp_path / block.marks["change"], block.text)
        else:
            (tmp_path / block.marks["file"]).write_text(block.text)
    result = run_command(tmp_path)
    assert (result.returncode, result.stdout, result.stderr) == (0, "", "")


def test_page_names_the_command_of_the_test():
    assert f"composer {COMMAND}" in PAGE.read_text()
