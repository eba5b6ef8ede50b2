"""Attributions of captum, an extra.

Legend: C channels, H W height and width of a map.
"""

from __future__ import annotations

import importlib
import warnings
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from composer.errors import InputError
from composer.explanation.attribution import Attribution, require_map
from composer.graph import Differentiable

_WORDS = {
    "InputXGradient": "value times gradient",
    "Saliency": "size of the gradient",
    "IntegratedGradients": "gradients from zero to the values (Sundararajan et al. 2017)",
    "GradientShap": "gradients at random places on that way (Lundberg and Lee 2017)",
    "Occlusion": "what the number loses where patches are set to zero (Zeiler and Fergus 2014)",
}
_NUM_STEPS, _NUM_SAMPLES, _PATCHES = 20, 8, 8


def list_captum_methods() -> dict[str, str]:
    """The attributions of captum that can be used here, with a description of each."""
    return dict(_WORDS)


def require_captum() -> Any:
    """The module of captum's attributions.

    Raises:
        InputError: captum is not installed.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return importlib.import_module("captum.attr")
    except ImportError as error:
        raise InputError(
            "captum is not installed: pip install 'detection-composer[captum]'"
        ) from error


def attribute_with_captum(
    method: str, function: Differentiable, names: Sequence[str]
) -> Attribution:
    """Attributes a number to the values of a function by captum, with zero as the baseline.

    Args:
        method: the name of captum's class.
        function: the number as a function of maps.
        names: of the maps, for messages.

    Raises:
        InputError: captum is not installed, or a value is no map.
    """
    recorded = function.run()
    values = function.take_values(recorded)
    for name, value in zip(names, values, strict=True):
        require_map(name, value)
    maps = [value.flatten(0, 1)[None] for value in values]  # one item, whose variants are a batch

    def forward(*batches: Tensor) -> Tensor:
        items = zip(*batches, strict=True)
        chosen = [dict(enumerate(map(Tensor.view_as, item, values))) for item in items]
        numbers = torch.stack([function.run(one).scalar for one in chosen])
        # Levels without influence count as used: captum differentiates by all of them.
        return numbers + sum(0 * batch.flatten(1).sum(1) for batch in batches)

    made = getattr(require_captum(), method)(forward)
    with torch.random.fork_rng(devices=[]), warnings.catch_warnings():
        torch.manual_seed(0)
        warnings.simplefilter("ignore")
        found = made.attribute(tuple(maps), **_choose_options(method, maps))
    levels = [level.detach().view_as(value) for level, value in zip(found, values, strict=True)]
    if method == "Occlusion":  # a patch lies over all regions
        used = [
            g.flatten(1).any(1).view(-1, 1, 1, 1)
            for g in function.evaluate(is_lenient=True).gradients
        ]
        levels = [level * rows for level, rows in zip(levels, used, strict=True)]
    return Attribution(recorded.scalar.item(), levels)


def _choose_options(method: str, maps: list[Tensor]) -> dict[str, Any]:
    if method == "IntegratedGradients":
        return {"n_steps": _NUM_STEPS, "internal_batch_size": 1}
    if method == "GradientShap":
        zeros = tuple(torch.zeros_like(level) for level in maps)
        return {"baselines": zeros, "n_samples": _NUM_SAMPLES}
    if method == "Occlusion":
        sizes = [level.shape[1:] for level in maps]
        windows = [(c, -(-h // _PATCHES), -(-w // _PATCHES)) for c, h, w in sizes]
        return {"sliding_window_shapes": tuple(windows), "strides": tuple(windows)}
    return {}
