"""Weights with the description of their model: `.safetensors` and `.pth`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from composer.exporting import WeightsExporter

if TYPE_CHECKING:
    from composer.graph import Graph


class CheckpointExporter(WeightsExporter):
    """Checkpoints that describe themselves; the ending names the format."""

    def write_model(self, graph: Graph, file: Path, *, half: bool) -> None:
        """Writes the whole model."""
        import torch

        graph.save(file, dtype=torch.float16 if half else None)
