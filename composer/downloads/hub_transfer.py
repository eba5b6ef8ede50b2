"""Files of the Hugging Face hub, by its own library: the extra `hub`."""

from __future__ import annotations

import os
import re
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from composer.downloads.addresses import Address
from composer.downloads.hub_address import HubAddress, parse_hub_address
from composer.downloads.partial_file import PartialFile
from composer.downloads.transfer import AbsentError, Arrival, Progress, TransferError, check_room

if TYPE_CHECKING:
    from types import ModuleType

_FOLDER = ".hub"
_HASH = re.compile(r"[0-9a-f]{64}")
_TOKEN = "a token with access (the environment variable HF_TOKEN)"  # noqa: S105 - its name


def transfer_hub(address: Address, part: PartialFile, progress: Progress) -> Arrival:
    """Brings a file of the hub; its library continues what broke off.

    The hub documents that the ETag of a large file is its sha256.

    Raises:
        TransferError: the library is not installed, or does not get the file.
        OSError: it cannot be written.
    """
    hub = _import_hub()
    wanted = parse_hub_address(address.text)
    folder = part.path.parent / _FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    try:
        found = _find_metadata(hub, wanted)
        progress.begin(0, found.size)
        check_room(folder, found.size or 0)
        hub.hf_hub_download(
            wanted.repo_id,
            wanted.file,
            revision=found.commit_hash or wanted.revision or None,
            local_dir=folder,
            endpoint=os.environ.get("HF_ENDPOINT") or None,
            tqdm_class=_make_bar(),
        )
    except Exception as error:  # those of its library of transfers are not documented
        if type(error) in (OSError, PermissionError, KeyboardInterrupt):
            raise
        raise _explain(error, wanted) from error
    part.begin("")
    shutil.move(folder / wanted.file, part.path)
    shutil.rmtree(folder, ignore_errors=True)
    etag = found.etag or ""
    return Arrival(etag, etag if _HASH.fullmatch(etag) else "")


def find_hub_size(address: Address) -> int | None:
    """The bytes of a file on the hub.

    Raises:
        TransferError: the library is not installed, or does not get an answer.
    """
    hub, wanted = _import_hub(), parse_hub_address(address.text)
    try:
        found = _find_metadata(hub, wanted)
    except Exception as error:
        raise _explain(error, wanted) from error
    return None if found.size is None else int(found.size)


def _find_metadata(hub: ModuleType, wanted: HubAddress) -> Any:
    """What the hub says of a file."""
    endpoint = os.environ.get("HF_ENDPOINT") or None  # the library reads it when imported
    revision = wanted.revision or None
    url = hub.hf_hub_url(wanted.repo_id, wanted.file, revision=revision, endpoint=endpoint)
    return hub.get_hf_file_metadata(url, endpoint=endpoint)


def find_in_hub_cache(address: Address) -> Path | None:
    """The file in the hub's own cache, where other libraries put it; None if it is not there."""
    try:
        wanted = parse_hub_address(address.text)
        found = _import_hub().try_to_load_from_cache(
            wanted.repo_id, wanted.file, revision=wanted.revision or None
        )
    except Exception:  # no cache, or one that cannot be read
        return None
    return Path(found) if isinstance(found, str) and os.path.isfile(found) else None


def _import_hub() -> ModuleType:
    """The library, with its telemetry off.

    Raises:
        TransferError: it is not installed.
    """
    os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")
    try:
        import huggingface_hub
        from huggingface_hub import constants  # which is no attribute before it is imported
    except ImportError as error:
        raise TransferError(
            "files of the Hugging Face hub need the extra detection-composer[hub]: "
            "pip install 'detection-composer[hub]'"
        ) from error
    constants.HF_HUB_DISABLE_TELEMETRY = True  # where it was imported before
    return huggingface_hub


def _make_bar() -> type[Any]:
    """The library's bar, which stays away where nobody looks."""
    from tqdm import tqdm

    class Bar(tqdm):  # type: ignore[type-arg]
        def __init__(self, *args: Any, **kwargs: Any) -> None:
            kwargs |= {"disable": not sys.stderr.isatty(), "leave": False}
            kwargs.pop("name", None)
            super().__init__(*args, **kwargs)

    return Bar


def _explain(error: Exception, wanted: HubAddress) -> TransferError:
    kinds = {kind.__name__ for kind in type(error).__mro__}
    is_absent = "EntryNotFoundError" in kinds and "LocalEntryNotFoundError" not in kinds
    return (AbsentError if is_absent else TransferError)(_describe(error, wanted))


def _describe(error: Exception, wanted: HubAddress) -> str:
    """Why the hub does not give a file; its own texts are pages long."""
    if isinstance(error, TransferError):
        return str(error)
    kinds = {kind.__name__ for kind in type(error).__mro__}
    if "GatedRepoError" in kinds:
        return f"the hub gives '{wanted.repo_id}' to whom its owner allows it: it takes {_TOKEN}"
    if "RepositoryNotFoundError" in kinds:
        return f"the hub has no model '{wanted.repo_id}', or it is private and takes {_TOKEN}"
    if "RevisionNotFoundError" in kinds:
        return f"the hub's model '{wanted.repo_id}' has no revision '{wanted.revision}'"
    if "EntryNotFoundError" in kinds and "LocalEntryNotFoundError" not in kinds:
        return f"the hub's model '{wanted.repo_id}' has no file '{wanted.file}'"
    status = getattr(getattr(error, "response", None), "status_code", None)
    if status is not None:
        return f"the hub answers with status {status}"
    if "OfflineModeIsEnabled" in kinds:
        return "offline by HF_HUB_OFFLINE"
    return f"the hub cannot be reached ({type(error).__name__})"
