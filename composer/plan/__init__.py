"""What a request needs: names become slots, and slots an ordered list of steps."""

from composer.plan.addressing import AddressBook, Target
from composer.plan.plan import Plan, Step
from composer.plan.planning import make_plan
from composer.plan.wiring import Call, Endpoint, InputPoint, Slot, Wiring

__all__ = [
    "AddressBook",
    "Call",
    "Endpoint",
    "InputPoint",
    "Plan",
    "Slot",
    "Step",
    "Target",
    "Wiring",
    "make_plan",
]
