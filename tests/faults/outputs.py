"""Commands that write files and are stopped at random moments: nothing is torn under its name.

At length: `python -m faults.outputs --count 50`.
"""

from __future__ import annotations

import argparse
import json
import random
import shutil
import signal
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from composer.data import write_shape_dataset
from composer.graph import Graph
from faults.commands import run_command

_DATA = ["--data", "data/instances.json", "--images", "data/images"]
COMMANDS: Mapping[str, Sequence[str]] = {
    "export": ["export", "model.safetensors", "-o", "out/model.pth"],
    "predict": ["predict", "data/images", "--model", "model.safetensors", "-o", "out"],
    "eval": ["eval", "model.safetensors", *_DATA, "--num-workers", "2", "-o", "out"],
    "convert": ["data", "convert", "data/instances.json", "out/yolo", "--to", "yolo"],
    "run": ["run", "model.safetensors", "-i", "data/images", "--save", "out"],
}
# Tried at length only; their files are written in the same ways.
FURTHER: Mapping[str, Sequence[str]] = {
    "onnx": ["export", "model.safetensors", "-o", "out/model.onnx"],
    "tune": [
        *("tune", "model.safetensors", *_DATA, "--vary", "score_threshold=0.05,0.5"),
        *("--num-workers", "0", "-o", "out"),
    ],
    "split": ["data", "split", "data/instances.json", "out/parts"],
    "show": ["data", "show", "data/instances.json", "-o", "out"],
    "schema": ["schema", "-o", "out/schema.json"],
}
_SPEC = {
    "composer": 1,
    "extends": "faster_rcnn_r50_fpn",
    "inputs": {"batch": {"type": "ImageBatch", "image": {"shortest_edge": 64}}},
}
_SETTINGS = {
    "depth": 18,
    "stem_out_channels": 8,
    "res2_out_channels": 8,
    "fpn_channels": 8,
    "fc_dim": 16,
    "num_classes": 3,
}


def write_inputs(folder: Path) -> None:
    """Writes a small model and a small dataset."""
    write_shape_dataset(folder / "data", num_images=12, size=64)
    graph = Graph.from_spec(_SPEC, set=_SETTINGS)
    graph.save(folder / "model.safetensors")


class StoppedCommand:
    """A command and the files that it writes when nothing stops it.

    Args:
        folder: has the inputs.
        arguments: the command, which writes to `out`.
    """

    def __init__(self, folder: Path, arguments: Sequence[str]) -> None:
        self._folder, self._arguments = folder, arguments
        self._out = folder / "out"
        run_command(["--version"], folder)  # starts the server of processes
        began = time.monotonic()
        self._expected = self._run_to_its_end()
        self.seconds = time.monotonic() - began

    def stop(self, after: float, number: signal.Signals) -> tuple[bool, str]:
        """Stops it, looks at its files, and runs it again to its end.

        Args:
            after: seconds until it is stopped.
            number: the signal.

        Returns:
            Whether it was stopped before its end, and what is wrong.
        """
        shutil.rmtree(self._out, ignore_errors=True)
        done = run_command(self._arguments, self._folder, after=after, number=number)
        problems = [*self._find_torn()]
        if done.code not in (0, 130 if number == signal.SIGINT else -number):
            problems.append(f"exit code {done.code}: {done.output}")
        if done.code == 130 and (
            "Traceback" in done.output or not done.output.endswith("interrupted\n")
        ):
            problems.append(f"it says: {done.output}")
        again = run_command(self._arguments, self._folder)
        is_refused = "nothing is written over it" in again.output and "out" in again.output
        if again.code and not (is_refused and self._read_files() == self._expected):
            problems.append(f"it does not run again: {again.output}")
        return done.code != 0, "; ".join(problems)

    def _run_to_its_end(self) -> dict[str, bytes]:
        shutil.rmtree(self._out, ignore_errors=True)
        done = run_command(self._arguments, self._folder)
        assert done.code == 0, done.output
        return self._read_files()

    def _find_torn(self) -> list[str]:
        """The files under their final names whose content is another one."""
        return [
            f"{name} has {len(content)} bytes, not {len(self._expected.get(name, b''))}"
            for name, content in self._read_files().items()
            if content != self._expected.get(name) and not self._is_growing(name)
        ]

    def _is_growing(self, name: str) -> bool:
        """Whether a file is right with fewer entries: the predictions until the end came."""
        if name != "predictions.json":
            return False
        expected = json.loads(self._expected[name])
        found = json.loads((self._out / name).read_text())
        return all(each in expected for each in found)

    def _read_files(self) -> dict[str, bytes]:
        files = sorted(path for path in self._out.rglob("*") if path.is_file())
        names = {path.relative_to(self._out): path for path in files}
        return {
            name.as_posix(): path.read_bytes()
            for name, path in names.items()
            if not any(_is_in_progress(part) for part in name.parts)
        }


def _is_in_progress(name: str) -> bool:
    """Whether a file or folder is one that the writing of another leaves beside it."""
    return name.startswith(".") or ".part" in Path(name).suffixes


def _main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=10, help="stops of each command")
    parser.add_argument("--signal", default="SIGKILL")
    parser.add_argument("--seed", type=int, default=int(time.time()))
    commands = {**COMMANDS, **FURTHER}
    parser.add_argument("commands", nargs="*", default=list(commands))
    given = parser.parse_args()
    chance = random.Random(given.seed)
    print(f"seed {given.seed}", flush=True)
    with tempfile.TemporaryDirectory() as folder:
        write_inputs(Path(folder))
        for name in given.commands:
            command = StoppedCommand(Path(folder), commands[name])
            stops = rounds = 0
            while stops < given.count and rounds < 4 * given.count:
                rounds += 1
                moment = chance.uniform(0.05, 0.9) * command.seconds
                was_stopped, problem = command.stop(moment, signal.Signals[given.signal])
                stops += was_stopped
                if problem:
                    print(f"{name} after {moment:.2f} s: {problem}", flush=True)
            print(f"{name}: {stops} stops in {rounds} runs ({command.seconds:.1f} s)", flush=True)


if __name__ == "__main__":
    _main()
