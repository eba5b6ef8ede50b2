"""Files by address: fetched once, checked, and kept in the cache. Torch is not imported."""

from composer.downloads.addresses import (
    Address,
    is_address,
    is_collapsed_address,
    parse_address,
    without_secrets,
)
from composer.downloads.download_cache import KIND, CachedFile, list_cached, remove_cached
from composer.downloads.fetching import (
    fetch,
    fetch_optional,
    find_cached,
    find_file,
    find_size,
    locate_cached,
    resolve_address,
)
from composer.downloads.hub_address import HubAddress, is_hub_model, parse_hub_address
from composer.downloads.offline import is_fetching_forbidden, is_offline, without_fetching

__all__ = [
    "KIND",
    "Address",
    "CachedFile",
    "HubAddress",
    "fetch",
    "fetch_optional",
    "find_cached",
    "find_file",
    "find_size",
    "is_address",
    "is_collapsed_address",
    "is_fetching_forbidden",
    "is_hub_model",
    "is_offline",
    "list_cached",
    "locate_cached",
    "parse_address",
    "parse_hub_address",
    "remove_cached",
    "resolve_address",
    "without_fetching",
    "without_secrets",
]
