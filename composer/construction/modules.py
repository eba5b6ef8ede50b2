"""Builds the modules of a checked spec, each from a seed of its own."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import torch

from composer.construction.blueprint import Blueprint
from composer.errors import PluginError
from composer.executor import derive_seed


def build_modules(
    blueprint: Blueprint, *, seed: int = 0, only: Collection[str] | None = None
) -> dict[str, Any]:
    """The modules and functions of a spec's nodes by path.

    Every module is built under a seed derived from `seed` and the node's path, so its first
    weights do not depend on what else is built. The global random state is left as it was.

    Args:
        blueprint: the checked spec.
        seed: the seed.
        only: paths of the nodes to build; all by default.

    Raises:
        PluginError: if a node type's constructor fails.
    """
    wanted = set(blueprint.designs if only is None else only)
    wanted |= {d.same_as for p, d in blueprint.designs.items() if p in wanted and d.same_as}
    built: dict[str, Any] = {}
    with torch.random.fork_rng(devices=[]):
        for path, design in blueprint.designs.items():
            if path not in wanted or design.same_as is not None:
                continue
            torch.default_generator.manual_seed(derive_seed(seed, path))
            try:
                built[path] = design.instantiate()
            except Exception as error:
                reason = f"{type(error).__name__}: {error}"
                raise PluginError(
                    f"node '{path}' ({design.label}) cannot be built: {reason}"
                ) from error
    return built
