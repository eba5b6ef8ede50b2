import copy
import pickle

import pytest
import torch
from torch import nn

from composer.layers import rename_state


class Wrapped(nn.Module):
    def __init__(self):
        super().__init__()
        self.body = nn.Sequential(nn.Linear(2, 3), nn.BatchNorm1d(3))
        self.scale_0 = nn.Linear(1, 1)
        rename_state(self, {"body.": "", "scale_": "scale."})


NAMES = ["0.weight", "0.bias", "1.weight", "1.bias", "1.running_mean", "1.running_var"]
NAMES += ["1.num_batches_tracked", "scale.0.weight", "scale.0.bias"]


@pytest.mark.parametrize("copied", [copy.deepcopy, lambda m: pickle.loads(pickle.dumps(m))])
def test_names_hold_inside_of_other_modules_and_in_copies(copied):
    model = copied(nn.ModuleDict({"a": nn.Linear(1, 1), "net": Wrapped(), "z": nn.Linear(1, 1)}))
    expected = ["a.weight", "a.bias", *(f"net.{name}" for name in NAMES), "z.weight", "z.bias"]
    assert list(model.state_dict()) == expected


def test_a_state_dict_is_read_as_it_is_written():
    source, target = Wrapped(), Wrapped()
    target.load_state_dict(source.state_dict(), strict=True)
    assert torch.equal(target.body[0].weight, source.body[0].weight)
    assert torch.equal(target.scale_0.weight, source.scale_0.weight)


def test_what_is_missing_or_unknown_is_still_told():
    state = Wrapped().state_dict()
    del state["0.weight"]
    state["2.weight"] = torch.zeros(1)
    with pytest.raises(RuntimeError, match=r"(?s)body.0.weight.*2.weight"):
        Wrapped().load_state_dict(state)


def test_the_given_state_dict_stays_as_it_was():
    state = Wrapped().state_dict()
    Wrapped().load_state_dict(state)
    assert list(state) == NAMES
