"""What may be given for a port: anything that can be meant, and nothing else."""

from typing import Annotated, Any

import numpy as np
import pytest
import torch
from jaxtyping import Float
from torch import Tensor

from composer.node import takes
from composer.structures import Boxes, Features, ImageList, Instances, PortType

X = torch.zeros(2, 4)
Named = Annotated[Float[Tensor, "R 4"], PortType("Named")]


class LookAlike:
    """An object of another package."""


@pytest.mark.parametrize(
    ("wanted", "value"),
    [
        (Any, 3),
        (object, None),
        (Tensor, X),
        (Tensor, torch.nn.Parameter(X)),
        (Named, X),
        (Named, X[0]),  # shapes are the node's affair
        (Tensor | None, None),
        (Features, {"p2": X}),
        (Features, {}),
        (list[Boxes], [Boxes(X)]),
        (list[Boxes], (Boxes(X), LookAlike())),
        (list[Boxes], []),
        (list[Boxes] | None, None),
        (Boxes, LookAlike()),
        (Boxes | Tensor, X),
        (list, [1, "a"]),
        (dict[str, list[Tensor]], {"a": [X]}),
        (float, 3.0),
    ],
)
def test_what_can_be_meant_is_taken(wanted, value):
    assert takes(wanted, value)


@pytest.mark.parametrize(
    ("wanted", "value"),
    [
        (Tensor, 3.0),
        (Tensor, None),
        (Tensor, [X]),
        (Named, np.zeros(2)),
        (Named, Boxes(X)),
        (Features, X),
        (Features, [X]),
        (Features, {"p2": 3}),
        (list[Boxes], X),
        (list[Boxes], Boxes(X)),
        (list[Boxes], [X]),
        (list[Boxes], {"a": Boxes(X)}),
        (Instances, Boxes(X)),
        (ImageList, X),
        (Boxes | Tensor, "x"),
        (dict[str, list[Tensor]], {"a": X}),
        (None, 3),
    ],
)
def test_what_cannot_be_meant_is_not(wanted, value):
    assert not takes(wanted, value)
