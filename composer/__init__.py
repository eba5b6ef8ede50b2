"""Detection models as graphs of named nodes: written in YAML, run whole or in part.

`Graph.from_spec("mask_rcnn_r50_fpn")` builds a model; `graph(inputs)` runs it, and
`graph.run(inputs, until="mask_pooler")` runs what one node needs. Nothing is imported before it is
asked for.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from composer.blueprint import Blueprint, Plan
    from composer.errors import (
        CheckpointError,
        CheckpointMismatchError,
        ComposerError,
        ConformanceError,
        ContractError,
        DataError,
        ExecutionError,
        InputError,
        NameResolutionError,
        PluginError,
        SpecError,
        TrainingError,
    )
    from composer.graph import Graph, Profile, Session
    from composer.importing import import_config
    from composer.language import Spec, load_spec

_HOMES = {
    "Graph": "composer.graph",
    "Profile": "composer.graph",
    "Blueprint": "composer.blueprint",
    "Plan": "composer.blueprint",
    "Session": "composer.graph",
    "Spec": "composer.language",
    "import_config": "composer.importing",
    "load_spec": "composer.language",
    **dict.fromkeys(
        (
            "CheckpointError",
            "CheckpointMismatchError",
            "ComposerError",
            "ConformanceError",
            "ContractError",
            "DataError",
            "ExecutionError",
            "InputError",
            "NameResolutionError",
            "PluginError",
            "SpecError",
            "TrainingError",
        ),
        "composer.errors",
    ),
}

__all__ = [
    "Blueprint",
    "CheckpointError",
    "CheckpointMismatchError",
    "ComposerError",
    "ConformanceError",
    "ContractError",
    "DataError",
    "ExecutionError",
    "Graph",
    "InputError",
    "NameResolutionError",
    "Plan",
    "PluginError",
    "Profile",
    "Session",
    "Spec",
    "SpecError",
    "TrainingError",
    "import_config",
    "load_spec",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'composer' has no attribute '{name}'")
    return getattr(importlib.import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return sorted(__all__)
