"""The contract of node types: what a class or function says about itself by its signatures."""

from composer.node.contract import Contract, InputPort, read_contract
from composer.node.port_matching import accepts, describe_type, fields_of
from composer.node.type_text import describe_field
from composer.node.value_matching import takes

__all__ = [
    "Contract",
    "InputPort",
    "accepts",
    "describe_field",
    "describe_type",
    "fields_of",
    "read_contract",
    "takes",
]
