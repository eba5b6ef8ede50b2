"""A spec made flat: nodes by path, the slots that their values go to, and plans on them."""

from composer.blueprint.addresses import AddressBook, Target
from composer.blueprint.blueprint import Blueprint, Names, listed
from composer.blueprint.dependencies import Dependencies
from composer.blueprint.largest_setting import describe_largest, find_largest
from composer.blueprint.node_types import NodeTypes
from composer.blueprint.nodes import WHOLE, Endpoint, GraphInput, Node, Slot
from composer.blueprint.plan import Plan, Step, make_plan, release_after_last_use
from composer.blueprint.resolution import resolve_references, resolve_spec

__all__ = [
    "WHOLE",
    "AddressBook",
    "Blueprint",
    "Dependencies",
    "Endpoint",
    "GraphInput",
    "Names",
    "Node",
    "NodeTypes",
    "Plan",
    "Slot",
    "Step",
    "Target",
    "describe_largest",
    "find_largest",
    "listed",
    "make_plan",
    "release_after_last_use",
    "resolve_references",
    "resolve_spec",
]
