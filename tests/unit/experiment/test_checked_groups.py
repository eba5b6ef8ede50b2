"""Exceptions of the optimizer are checked before a training starts."""

import pytest

from composer.errors import NameResolutionError
from composer.experiment import check_experiment, load_experiment
from unit.experiment.small_experiment import EXPERIMENT, write_experiment

OPTIMIZER = "optimizer: {uses: SGD, lr: 0.01, with: {momentum: 0.9}}"


@pytest.mark.parametrize(
    ("group", "message"),
    [
        ("{nodes: [fpn], lr_decay: 0.9}", "lr_decay has no effect on 'fpn'.*backbone.bottom_up"),
        ("{nodes: [bottom_down], lr_decay: 0.9}", "matches nothing trainable. Did you mean"),
    ],
)
def test_a_group_without_effect_is_refused(group, message, tmp_path):
    groups = OPTIMIZER.removesuffix("}") + f", groups: [{group}]}}"
    file = write_experiment(tmp_path, EXPERIMENT.replace(OPTIMIZER, groups))
    with pytest.raises(NameResolutionError, match=message):
        check_experiment(load_experiment(file))
