from functools import cache
from pathlib import Path
from types import MappingProxyType

import pytest
import torch

from composer import Graph
from composer.construction import check_source

SPEC = Path(__file__).with_name("small.yaml")


@cache
def check(settings):
    return check_source(SPEC, set=dict(settings))


@pytest.fixture(scope="session")
def open_small():
    """Builds the small detector, with settings by address."""

    def open_it(settings=MappingProxyType({})):
        return Graph.from_blueprint(check(tuple(settings.items())))

    return open_it


@pytest.fixture(scope="session")
def small(open_small):
    """The small detector, which no test may change."""
    return open_small()


@pytest.fixture(scope="session")
def image():
    generator = torch.Generator().manual_seed(3)
    rough = torch.rand(1, 3, 6, 8, generator=generator) * 255
    smooth = torch.nn.functional.interpolate(rough, size=(64, 88), mode="bilinear")
    return [{"image": smooth[0].to(torch.uint8)}]
