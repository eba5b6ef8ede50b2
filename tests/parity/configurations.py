"""detectron2's configurations: of its model zoo with their state dicts, and of the cases here."""

import json
import lzma
from functools import cache
from typing import Any

from parity.golden import DATA


@cache
def read_configurations() -> dict[str, Any]:
    """`zoo`: `config` (YAML) and `state_dict` (shapes) by name; `cases`: YAML by name."""
    return json.loads(lzma.decompress((DATA / "configurations.json.xz").read_bytes()))


@cache
def read_lazy_configurations() -> dict[str, Any]:
    """The same of models of LazyConfig: `config` is the file beside a training."""
    return json.loads(lzma.decompress((DATA / "lazy_configurations.json.xz").read_bytes()))


def read_lazy_state_dict(name: str) -> dict[str, list[int]]:
    """Every key and shape of a model of LazyConfig, such as `new_baselines__NAME`."""
    return read_lazy_configurations()["zoo"][name]["state_dict"]


def read_state_dict(name: str) -> dict[str, list[int]]:
    """Every key and shape of a configuration of the zoo, named without its folder."""
    return _find(name)["state_dict"]


def read_configuration(name: str) -> str:
    """The YAML of a configuration of the zoo, named without its folder."""
    return _find(name)["config"]


def _find(name: str) -> dict[str, Any]:
    zoo = read_configurations()["zoo"]
    (found,) = [one for key, one in zoo.items() if key.endswith(f"__{name}")]
    return found
