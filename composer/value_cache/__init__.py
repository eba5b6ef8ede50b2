"""Values of nodes on disk, by keys that say what they depend on."""

from composer.value_cache.cache import DEFAULT_LIMIT, CacheFolder, CacheUse, ValueCache, open_cache
from composer.value_cache.content_digest import ContentDigest
from composer.value_cache.contents import (
    KeptContents,
    KeptNode,
    clear_values,
    list_values,
    measure_values,
)
from composer.value_cache.environment import describe_environment, find_watching
from composer.value_cache.keys import Key, KeyedStep, KeyMaker
from composer.value_cache.module_digests import describe_state
from composer.value_cache.tensor_digests import digest_quickly
from composer.value_cache.unknown_content import UnknownContentError

__all__ = [
    "DEFAULT_LIMIT",
    "CacheFolder",
    "CacheUse",
    "ContentDigest",
    "KeptContents",
    "KeptNode",
    "Key",
    "KeyMaker",
    "KeyedStep",
    "UnknownContentError",
    "ValueCache",
    "clear_values",
    "describe_environment",
    "describe_state",
    "digest_quickly",
    "find_watching",
    "list_values",
    "measure_values",
    "open_cache",
]
