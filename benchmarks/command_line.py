"""How long the command line takes, against starting Python alone."""

import subprocess
import sys

from benchmarks.measuring import compare


def run(rounds: int = 10) -> list[tuple[str, str, str]]:
    """Time of `composer --help` and of `composer check` of the Mask R-CNN spec."""
    rows = []
    for arguments in (
        ["--help"],
        ["check", "--form", "mask_rcnn_r50_fpn"],
        ["check", "mask_rcnn_r50_fpn"],
    ):
        found = compare(lambda a=arguments: _composer(a), _python, rounds)
        peer = f"Python alone: {found.peer_seconds:.3f} s, ratio {found.ratio:.1f}"
        rows.append((f"`composer {' '.join(arguments)}`", f"{found.seconds:.3f} s", peer))
    return rows


def _composer(arguments: list[str]) -> None:
    command = [sys.executable, "-m", "composer", *arguments]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)


def _python() -> None:
    subprocess.run([sys.executable, "-c", "pass"], check=True)
