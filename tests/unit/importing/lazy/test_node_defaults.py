"""The recorded defaults of our node types, which a spec need not repeat, are those they have."""

import pytest

from composer.importing.lazy.carrying import node_defaults
from composer.node import read_contract
from composer.registry import Registry


def as_written(value):
    return [as_written(item) for item in value] if isinstance(value, (tuple, list)) else value


@pytest.mark.parametrize("name", node_defaults())
def test_a_node_type_has_the_recorded_defaults(name):
    registry = Registry.installed()
    contract = read_contract(registry.load_found(registry.find(name)))
    fields = contract.config.model_fields
    found = {
        field.alias or key: as_written(field.default)
        for key, field in fields.items()
        if not field.is_required()
    }
    recorded = node_defaults()[name]
    assert recorded == {key: found.get(key, "no such value") for key in recorded}
