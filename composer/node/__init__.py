"""The contract of node types, read from the signatures of classes and functions."""

from typing import TYPE_CHECKING

from composer.lazy_face import lazy_face

if TYPE_CHECKING:
    from composer.node.contract import SINGLE_OUTPUT, Contract, InputPort, fields_of, read_contract
    from composer.node.parameters import call_model, configured
    from composer.node.port_matching import (
        accepts,
        are_same,
        describe_type,
        describe_types,
        meaning,
        members,
        plain,
        takes,
    )
    from composer.node.type_text import describe_field
    from composer.node.type_variables import agree, bind, find_variables, resolve, substitute

__all__ = [
    "SINGLE_OUTPUT",
    "Contract",
    "InputPort",
    "accepts",
    "agree",
    "are_same",
    "bind",
    "call_model",
    "configured",
    "describe_field",
    "describe_type",
    "describe_types",
    "fields_of",
    "find_variables",
    "meaning",
    "members",
    "plain",
    "read_contract",
    "resolve",
    "substitute",
    "takes",
]

__getattr__, __dir__ = lazy_face(__name__)
