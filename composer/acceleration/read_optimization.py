"""Reads what a node type says about its optimisation."""

from __future__ import annotations

import inspect
from typing import Any

from composer.errors import ContractError
from composer.escapes import describe_error
from composer.layers import Optimization
from composer.node import Contract

_NAME = "optimization"


def read_optimization(contract: Contract) -> Optimization | None:
    """What a node type says about its optimisation; None if it says nothing.

    Raises:
        ContractError: it says something else than an `Optimization`, names a port that it does
            not have, or its class method fails.
    """
    target: Any = contract.target
    said = inspect.getattr_static(target, _NAME, None)
    if isinstance(target, type):
        if not isinstance(said, (classmethod, staticmethod)):
            return None  # a property or a layer of that name
        try:
            said = getattr(target, _NAME)()
        except Exception as error:
            reason = describe_error(error)
            raise ContractError(f"`{_NAME}` of {target.__name__} failed: {reason}") from error
    if said is None:
        return None
    if not isinstance(said, Optimization):
        kind = type(said).__name__
        raise ContractError(f"`{_NAME}` is an Optimization of composer.layers, not {kind}")
    _check_ports(said, contract)
    return said


def _check_ports(said: Optimization, contract: Contract) -> None:
    for names, ports, which in (
        (said.float32_inputs, contract.inputs, "input"),
        (said.float32_outputs, contract.outputs, "output"),
    ):
        unknown = [name for name in names if name not in ports]
        if unknown:
            raise ContractError(
                f"`{_NAME}` names the {which} port '{unknown[0]}'; there is {', '.join(ports)}"
            )
