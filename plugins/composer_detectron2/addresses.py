"""Addresses in detectron2's own scheme."""

import difflib
import posixpath

from composer_detectron2.catalogue import catalogue

_SCHEME = "detectron2://"


def locate(address: str) -> str:
    """The https address of a file of the model zoo.

    Args:
        address: `detectron2://ImageNetPretrained/MSRA/R-50.pkl`, as detectron2's configurations
            have it; or the name of a published model after the scheme, for its checkpoint.

    Raises:
        ValueError: it is neither a file nor the name of a model.
    """
    path = address.removeprefix(_SCHEME).strip("/")
    weights = {entry["name"]: entry["weights"] for entry in catalogue()["entries"]}
    if path not in weights and not posixpath.splitext(path)[1]:
        alike = difflib.get_close_matches(path, weights, 1)
        hint = f" Did you mean '{_SCHEME}{alike[0]}'?" if alike else ""
        raise ValueError(f"neither a file nor a model of the zoo.{hint}")
    return catalogue()["address"] + str(weights.get(path, path))
