"""Addresses of the Hugging Face hub: `hf://owner/repo[@revision]/file`."""

from __future__ import annotations

import re
from typing import NamedTuple
from urllib.parse import unquote

from composer.errors import DownloadError

_SCHEME = "hf://"
# As the hub allows it.
_NAME = re.compile(r"(?!.*(?:--|\.\.))\w(?:[\w.-]*\w)?", re.ASCII)
_KINDS = {"datasets", "spaces", "buckets"}


class HubAddress(NamedTuple):
    """A model on the hub, or a file of one.

    Attributes:
        owner: the user or organisation.
        repo: the name of the model.
        revision: a branch, a tag or a commit; empty for the default.
        file: the path of the file; empty for the model.
    """

    owner: str
    repo: str
    revision: str
    file: str

    @property
    def repo_id(self) -> str:
        """The name of the model on the hub: `owner/repo`."""
        return f"{self.owner}/{self.repo}"


def parse_hub_address(text: str) -> HubAddress:
    """Reads an address of the hub.

    Args:
        text: the address; a slash in a revision is written `%2F`.

    Raises:
        DownloadError: it is damaged.
    """
    owner, _, rest = text.partition("#")[0].removeprefix(_SCHEME).partition("/")
    named, _, file = rest.partition("/")
    repo, at, revision = named.partition("@")
    steps = file.split("/") if file else []
    is_sound = _NAME.fullmatch(owner) and _NAME.fullmatch(repo) and bool(at) == bool(revision)
    if not is_sound or owner in _KINDS or any(step in ("", ".", "..") for step in steps):
        raise DownloadError(
            f"{text:.200}: a model of the Hugging Face hub is hf://owner/repo or "
            "hf://owner/repo@revision, and a file of it follows: hf://owner/repo/model.safetensors"
        )
    return HubAddress(owner, repo, unquote(revision), file)


def is_hub_model(text: object) -> bool:
    """Whether a text is the address of a model on the hub, and not of a file."""
    if not isinstance(text, str) or not text.startswith(_SCHEME):
        return False
    owner, _, rest = text.removeprefix(_SCHEME).partition("/")
    return bool(owner and rest) and "/" not in rest.rstrip("/")
