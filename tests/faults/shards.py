"""A collection that is killed again and again: what it leaves is that of a run in one go.

At length: `python -m faults.shards --count 50`.
"""

from __future__ import annotations

import argparse
import random
import shutil
import signal
import tempfile
import time
from pathlib import Path
from typing import Any

from faults.commands import run_command
from faults.outputs import write_inputs

COMMAND = (
    "extract",
    "data/images",
    *("--model", "model.safetensors", "--until", "box_head", "--until", "backbone.p5"),
    *("--images-per-file", "2", "--set", "detections.score_threshold=0", "--resume"),
)


class KilledCollection:
    """A collection in six files, and the rows that it gives when nothing stops it.

    Args:
        folder: has the inputs.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        run_command(["--version"], folder)  # starts the server of processes
        assert self._run("straight") == (0, "")
        began = time.monotonic()
        self._run("again")
        self.seconds = time.monotonic() - began
        self.expected = read_rows(folder / "straight")

    def kill(self, chance: random.Random, count: int) -> tuple[int, str]:
        """Kills it at random moments, and runs it to its end.

        Args:
            chance: where the moments are from.
            count: how often it is killed.

        Returns:
            How often it was killed before its end, and what is wrong.
        """
        kills, out = 0, self._folder / "out"
        shutil.rmtree(out, ignore_errors=True)
        while kills < count:
            code, _ = self._run("out", chance.uniform(0, self.seconds * 0.8))
            kills += code == -signal.SIGKILL
            if code not in (0, -signal.SIGKILL):
                return kills, f"exit code {code}"
            found = read_rows(out)
            if not found.items() <= self.expected.items():
                return kills, f"other rows in {sorted(found)}"
            if code == 0:  # all of it is there: begin anew
                shutil.rmtree(out)
        code, output = self._run("out")
        if code or read_rows(out) != self.expected:
            return kills, f"it did not end: {output}"
        if any(".part" in path.name for path in out.iterdir()):
            return kills, "an unfinished file is left"
        return kills, ""

    def _run(self, out: str, after: float | None = None) -> tuple[int, str]:
        how: dict[str, Any] = {} if after is None else {"after": after, "number": signal.SIGKILL}
        done = run_command([*COMMAND, "-o", out], self._folder, **how)
        return done.code, "" if done.code == 0 else done.output


def read_rows(folder: Path) -> dict[str, Any]:
    """The rows of each file of a folder, with the dense tensors beside them."""
    from pyarrow import parquet
    from safetensors.numpy import load_file

    found: dict[str, Any] = {}
    for file in sorted(folder.glob("*.parquet")):
        rows = parquet.read_table(file).to_pylist()
        for row in rows:
            dense = load_file(folder / row["dense_file"])
            row["dense"] = dense[f"{row['dense_key']}.backbone.p5"].tobytes()
        found[file.name] = rows
    return found


def _main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=20)
    parser.add_argument("--seed", type=int, default=int(time.time()))
    given = parser.parse_args()
    print(f"seed {given.seed}", flush=True)
    with tempfile.TemporaryDirectory() as folder:
        write_inputs(Path(folder))
        print(KilledCollection(Path(folder)).kill(random.Random(given.seed), given.count))


if __name__ == "__main__":
    _main()
