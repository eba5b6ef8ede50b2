"""The graph: a model made of named nodes, run whole or in part."""

from composer.graph.description import plugin_versions
from composer.graph.graph import Graph
from composer.graph.profiling import NodeProfile, Profile
from composer.graph.session import Session

__all__ = ["Graph", "NodeProfile", "Profile", "Session", "plugin_versions"]
