"""The number of classes is written in specs: a default would let a wrong number pass."""

from composer.node import read_contract
from composer.registry import Registry


def test_no_node_type_has_a_default_number_of_classes():
    registry = Registry.installed()
    with_default = [
        name
        for name in registry.names()
        for field in read_contract(registry.load(name)).config.model_fields.values()
        # None is no number: the classes of a network's own configuration count then.
        if field.alias == "num_classes" and not field.is_required() and field.default is not None
    ]
    assert with_default == []
