"""Schemes that plugins publish: `detectron2://...` stands for an address of another scheme.

An entry point `scheme = "package.module:function"` in the group `composer.addresses` names a
function that takes such an address and returns the one that it stands for. It raises a
`ValueError` with a message if there is no such file.
"""

from __future__ import annotations

from composer.discovery import discover
from composer.downloads.addresses import is_address, without_secrets
from composer.errors import DownloadError, PluginError

GROUP = "composer.addresses"


def list_published_schemes() -> list[str]:
    """The schemes that installed plugins publish. Nothing is imported."""
    return sorted({publication.name.lower() for publication in discover(GROUP)})


def follow_published(text: str, scheme: str) -> str | None:
    """The address that one of a published scheme stands for; None if nobody publishes it.

    Raises:
        DownloadError: it stands for no address.
        PluginError: the plugin fails to import.
    """
    for publication in discover(GROUP):
        if publication.name.lower() == scheme:
            function = publication.load_function()
            try:
                found = function(text)
            except ValueError as error:
                raise DownloadError(f"{without_secrets(text)}: {error}") from error
            except Exception as error:
                raise PluginError(f"{publication.label} failed on '{text}': {error}") from error
            if not is_address(found) or not isinstance(found, str):
                raise PluginError(f"{publication.label} gave no address for '{text}'")
            return found
    return None
