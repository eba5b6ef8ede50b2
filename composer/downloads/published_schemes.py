"""Schemes that plugins publish: `detectron2://...` stands for an address of another scheme.

An entry point `scheme = "package.module:function"` in the group `composer.addresses` names a
function that takes such an address and returns the one that it stands for. It raises a
`ValueError` with a message if there is no such file. A scheme of ours stays ours, whoever else
publishes it, and so does one that is fetched from as it is (`s3`).
"""

from __future__ import annotations

from composer.discovery import DISTRIBUTION, Publication, discover, surviving_exits
from composer.downloads.addresses import is_address, without_secrets
from composer.errors import DownloadError, PluginError
from composer.escapes import describe_error

GROUP = "composer.addresses"


def list_published_schemes() -> list[str]:
    """The schemes that installed plugins publish. Nothing is imported."""
    return sorted({publication.name.lower() for publication in discover(GROUP)})


def is_ours(scheme: str) -> bool:
    """Whether this distribution publishes a scheme."""
    return any(each.distribution == DISTRIBUTION for each in _find(scheme))


def follow_published(text: str, scheme: str) -> str | None:
    """The address that one of a published scheme stands for; None if nobody publishes it.

    Raises:
        DownloadError: it stands for no address.
        PluginError: the plugin fails to import, or two others publish the scheme.
    """
    publication = _choose(scheme)
    if publication is None:
        return None
    function = publication.load_function()
    try:
        with surviving_exits():
            found = function(text)
    except ValueError as error:
        raise DownloadError(
            f"{without_secrets(text)}: {describe_error(error, with_kind=False)}"
        ) from error
    except Exception as error:
        reason = describe_error(error, with_kind=False)
        raise PluginError(
            f"{publication.label} failed on '{without_secrets(text)}': {reason}"
        ) from error
    if not is_address(found) or not isinstance(found, str):
        raise PluginError(f"{publication.label} gave no address for '{without_secrets(text)}'")
    return found


def _find(scheme: str) -> list[Publication]:
    return [each for each in discover(GROUP) if each.name.lower() == scheme]


def _choose(scheme: str) -> Publication | None:
    """Ours, else the only one. An address has no place for a qualifier."""
    named = _find(scheme)
    found = [each for each in named if each.distribution == DISTRIBUTION] or named
    if len(found) > 1:
        labels = " and ".join(each.label for each in found)
        raise PluginError(
            f"addresses that begin with '{scheme}://' are published by {labels}: only one of them "
            "can be installed"
        )
    return found[0] if found else None
