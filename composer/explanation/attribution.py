"""Methods that say how much each place of a map counts for a number.

Legend: N images or regions, C channels, H W height and width of a map. `_` is a level's own size.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

from jaxtyping import Float
from torch import Tensor

from composer.errors import InputError
from composer.graph import Differentiable
from composer.names import did_you_mean
from composer.values import describe

CAPTUM = "captum:"
DEFAULT_METHOD = "hires-cam"

Maps = list[Float[Tensor, "N C _ _"]]
_Rule = Callable[[Float[Tensor, "N C H W"], Float[Tensor, "N C H W"]], Float[Tensor, "N C H W"]]


class Attribution(NamedTuple):
    """How much each channel counts at each place, by level; against the number where negative.

    Args:
        number: the number that is explained.
        levels: of the form of the maps.
    """

    number: float
    levels: Maps


def _multiply(values: Tensor, gradients: Tensor) -> Tensor:
    return values * gradients


def _multiply_by_means(values: Tensor, gradients: Tensor) -> Tensor:
    return values * gradients.mean(dim=(2, 3), keepdim=True)


def _take_size(_values: Tensor, gradients: Tensor) -> Tensor:
    return gradients.abs()


_METHODS: dict[str, tuple[_Rule, str]] = {
    "hires-cam": (
        _multiply,
        "value times gradient, place by place (Draelos and Carin 2020); stays with its object",
    ),
    "grad-cam": (
        _multiply_by_means,
        "value times the map's mean gradient (Selvaraju et al. 2017); shows what is alike, too",
    ),
    "gradient": (_take_size, "size of the gradient (Simonyan et al. 2013)"),
}


def list_methods() -> dict[str, str]:
    """The methods, with a description of each."""
    from composer.explanation.captum_methods import list_captum_methods

    own = {name: words for name, (_, words) in _METHODS.items()}
    return own | {f"{CAPTUM}{name}": words for name, words in list_captum_methods().items()}


def check_method(method: str) -> None:
    """Makes sure that there is a method.

    Raises:
        InputError: there is none of that name, or captum is not installed.
    """
    known = list_methods()
    if method not in known:
        raise InputError(f"there is no method '{method}'. {did_you_mean(method, known, 'methods')}")
    if method.startswith(CAPTUM):
        from composer.explanation.captum_methods import require_captum

        require_captum()


def attribute(method: str, function: Differentiable, maps: Sequence[str]) -> Attribution:
    """Attributes a number to the places of maps.

    Args:
        method: the name of a method.
        function: the number as a function of the maps.
        maps: their names, for messages.

    Raises:
        InputError: there is no such method, the maps are none, or the number does not depend on
            them.
    """
    check_method(method)
    if method.startswith(CAPTUM):
        from composer.explanation.captum_methods import attribute_with_captum

        return attribute_with_captum(method.removeprefix(CAPTUM), function, maps)
    rule, _ = _METHODS[method]
    found = function.evaluate(is_lenient=True)
    for name, value in zip(maps, found.values, strict=True):
        require_map(name, value)
    levels = [rule(v, g) for v, g in zip(found.values, found.gradients, strict=True)]
    return Attribution(found.number, levels)


def require_map(name: str, value: object) -> None:
    """Makes sure that a value is a map, with rows and columns.

    Raises:
        InputError: it is none.
    """
    if not isinstance(value, Tensor) or value.ndim != 4:
        raise InputError(
            f"'{name}' is {describe(value)}, which has no rows and columns: name feature maps, "
            "pooled regions or images with --at"
        )
