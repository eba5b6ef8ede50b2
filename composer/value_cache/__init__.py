"""Values of nodes on disk, by keys that say what they depend on."""

from composer.value_cache.cache import DEFAULT_LIMIT, CacheFolder, CacheUse, ValueCache, open_cache
from composer.value_cache.contents import (
    KeptContents,
    KeptNode,
    clear_values,
    list_values,
    measure_values,
)
from composer.value_cache.keys import Key, KeyedStep, KeyMaker
from composer.value_cache.tensor_digests import digest_tensor

__all__ = [
    "DEFAULT_LIMIT",
    "CacheFolder",
    "CacheUse",
    "KeptContents",
    "KeptNode",
    "Key",
    "KeyMaker",
    "KeyedStep",
    "ValueCache",
    "clear_values",
    "digest_tensor",
    "list_values",
    "measure_values",
    "open_cache",
]
