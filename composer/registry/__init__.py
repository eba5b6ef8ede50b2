"""Which node types are installed, and how a name becomes one."""

from composer.registry.publication import Publication
from composer.registry.registry import MAPPING_GROUP, NODE_GROUP, TYPE_GROUP, Registry

__all__ = ["MAPPING_GROUP", "NODE_GROUP", "TYPE_GROUP", "Publication", "Registry"]
