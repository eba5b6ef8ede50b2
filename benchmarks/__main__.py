"""Runs every benchmark and prints a table: `python -m benchmarks`."""

import importlib
import sys

import torch

BENCHMARKS = ("executor", "detector", "command_line", "loader", "curves", "large_specs")


def main(names: list[str]) -> None:
    """Runs the named benchmarks, or all."""
    torch.set_num_threads(1)  # the ratios are steadier, and the machine may be shared
    print(f"torch {torch.__version__}, one thread\n")
    print("| figure | value | how |\n| --- | --- | --- |")
    for name in names or BENCHMARKS:
        module = importlib.import_module(f"benchmarks.{name}")
        for row in module.run():
            print(f"| {' | '.join(row)} |", flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
