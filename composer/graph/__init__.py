"""The graph: a model made of named nodes, run whole or in part."""

from composer.graph.description import plugin_versions
from composer.graph.graph import Graph
from composer.graph.lockstep import in_step
from composer.graph.profiling import NodeProfile, Profile
from composer.graph.saving import write_weights
from composer.graph.session import Session
from composer.graph.sharding import gather_state, is_sharded, whole_on_first

__all__ = [
    "Graph",
    "NodeProfile",
    "Profile",
    "Session",
    "gather_state",
    "in_step",
    "is_sharded",
    "plugin_versions",
    "whole_on_first",
    "write_weights",
]
