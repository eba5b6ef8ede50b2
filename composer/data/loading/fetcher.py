"""Preparation of the images of a batch, in worker processes, and its options."""

import gc
import os
import signal
import sys
import threading
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Any, NamedTuple, TypeAlias

import torch
from torch.utils.data import Dataset as TorchDataset

from composer.data.faults import FaultPolicy, PartnerError
from composer.data.loading.shared_memory import Parcel, RecordStore, pack
from composer.data.records import Record
from composer.data.samplers import Ticket
from composer.errors import ComposerError, DataError, InputError
from composer.executor import derive_seed


@dataclass(frozen=True)
class LoadingOptions:
    """How batches are loaded, and which of them by this process.

    Args:
        batch_size: images in a batch: in training of all processes together, else of this one.
        seed: the seed of order and augmentations.
        num_workers: processes that prepare batches ahead; 0 prepares in this one.
        on_fault: `skip` reports an unusable image, once; in training the next one of the dataset
            takes its place, in inference it is left out. `refuse` raises.
        rank: this process among those that share the work.
        world_size: their number.

    Raises:
        InputError: the batch size is not positive, or there is no such process.
    """

    batch_size: int = 1
    seed: int = 0
    num_workers: int = 0
    on_fault: FaultPolicy = "skip"
    rank: int = 0
    world_size: int = 1

    def __post_init__(self) -> None:
        if self.batch_size < 1:
            raise InputError(f"a batch has at least one image, not {self.batch_size}")
        if not 0 <= self.rank < self.world_size:
            raise InputError(
                f"there is no process {self.rank} of {self.world_size}: they are counted from 0"
            )

    def find_shard(self) -> slice:
        """The part of a batch of all processes that is this one's.

        Raises:
            InputError: the batch cannot be divided among the processes.
        """
        share, rest = divmod(self.batch_size, self.world_size)
        if rest:
            raise InputError(
                f"a batch of {self.batch_size} images cannot be divided among "
                f"{self.world_size} processes"
            )
        return slice(self.rank * share, (self.rank + 1) * share)


Prepared: TypeAlias = dict[str, Any]
Prepare: TypeAlias = Callable[[Record, torch.Generator], Prepared]

_MAX_REPLACEMENTS = 100  # bad images in a row after which it cannot be the images


class BadImage(NamedTuple):
    """An image that could not be used.

    Args:
        file_name: the image.
        reason: why not.
    """

    file_name: str
    reason: str


class Fetched(NamedTuple):
    """A batch, and the errors while it was prepared.

    Args:
        batch: the prepared images.
        bad: the images that others stand in for, or that are left out.
        error: what stops the run; raised in the main process, where it keeps its type.
    """

    batch: list[Prepared]
    bad: list[BadImage]
    error: ComposerError | None = None


class Fetcher:
    """Prepares batches.

    Args:
        records: the dataset's records.
        prepare: makes of a record what a model is given.
        options: the policy on faults, and the seed: with an image's place in the order, the seed of
            its augmentations.
        replace: whether another image stands in for it, or it is left out.
    """

    def __init__(
        self,
        records: Sequence[Record],
        prepare: Prepare,
        options: LoadingOptions,
        *,
        replace: bool,
    ) -> None:
        self.records = RecordStore(records)
        self.prepare = prepare
        self.options = options
        self.replace = replace

    def fetch(self, tickets: list[Ticket]) -> Fetched:
        """Prepares one batch."""
        batch: list[Prepared] = []
        bad: list[BadImage] = []
        try:
            for ticket in tickets:
                batch += self._fetch(ticket, bad)
        except ComposerError as error:
            return Fetched([], bad, error)
        return Fetched(batch, bad)

    def _fetch(self, ticket: Ticket, bad: list[BadImage]) -> list[Prepared]:
        """Prepares the image of a ticket, or the first usable one after it if images are replaced.

        An image that was to get objects of a bad one is tried again, and draws another.

        Raises:
            DataError: the image is refused, or there are too many bad ones in a row.
        """
        num_unusable = 0
        for attempt in range(_MAX_REPLACEMENTS if self.replace else 1):
            record = self.records[(ticket.record + num_unusable) % len(self.records)]
            try:
                return [self.prepare(record, self._make_generator(ticket.position, attempt))]
            except ComposerError as error:
                partner = error.file_name if isinstance(error, PartnerError) else None
                bad.append(BadImage(partner or str(record.file_name), str(error)))
                if self.options.on_fault == "refuse":
                    raise DataError(str(error)) from error
                num_unusable += partner is None
                if num_unusable == len(self.records):
                    break
        if not self.replace:
            return []
        raise DataError(
            f"{attempt + 1} images in a row cannot be used; the last: {bad[-1].reason}\n"
            "`composer data check` lists every faulty image."
        )

    def _make_generator(self, position: int, attempt: int) -> torch.Generator:
        """The generator of an attempt; another attempt draws anew, other images among it."""
        again = f"/{attempt}" if attempt else ""
        seed = derive_seed(self.options.seed, f"sample/{position}{again}")
        return torch.Generator().manual_seed(seed)


class PackingFetcher(TorchDataset[Parcel]):
    """Prepares batches in a worker process.

    Args:
        fetcher: prepares them.
    """

    def __init__(self, fetcher: Fetcher) -> None:
        self.fetcher = fetcher

    def __getitem__(self, tickets: list[Ticket]) -> Parcel:
        """Prepares one batch, and packs what was fetched."""
        return pack(self.fetcher.fetch(tickets))


def start_worker(_number: int) -> None:
    """Prepares a worker process.

    Signals are the main process' to handle: it may save first, and it ends its workers
    itself. Objects from before the fork are kept out of garbage collections, which would write to
    them and so copy them.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    sys.excepthook = report_in_worker
    if hasattr(signal, "sigwaitinfo"):  # macOS and Windows have none
        _end_for_parent_only()
    gc.freeze()
    # Lines of Pillow's source say nothing to users; `composer data check` names the files.
    warnings.filterwarnings("ignore", module=r"PIL\.")


def report_in_worker(
    kind: type[BaseException], error: BaseException, trace: TracebackType | None
) -> None:
    """Prints what a thread of a worker fails with, unless the main process is gone.

    An interrupted command leaves tensors that its workers were about to send.
    """
    if not issubclass(kind, (ConnectionError, EOFError)):
        sys.__excepthook__(kind, error, trace)


def _end_for_parent_only() -> None:
    """Makes SIGTERM end this process only if its parent sent it.

    Schedulers send it to all processes of a job at once. A training whose workers die cannot
    finish the step that is to be saved.
    """
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})  # threads to come inherit it
    parent = os.getppid()

    def wait() -> None:
        while signal.sigwaitinfo({signal.SIGTERM}).si_pid != parent:
            pass
        os._exit(0)

    threading.Thread(target=wait, name="signals", daemon=True).start()
