"""Algorithms on directed acyclic graphs, carried by networkx. They know nothing of models."""

from composer.dag.ancestry import affected, needed
from composer.dag.cycles import find_cycles
from composer.dag.ordering import layers, order

__all__ = ["affected", "find_cycles", "layers", "needed", "order"]
