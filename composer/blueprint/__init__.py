"""A spec with its references resolved: nodes by path, with every wire followed to its source."""

from composer.blueprint.network import Network, NetworkNode, Source, Wire
from composer.blueprint.resolution import elaborate

__all__ = ["Network", "NetworkNode", "Source", "Wire", "elaborate"]
