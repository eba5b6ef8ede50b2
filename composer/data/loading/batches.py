"""Batches of prepared images, made ahead of time by worker processes.

What an image becomes depends on the seed and on its place in the order of the training, never on
how many workers or processes there are, nor on whether the training was interrupted.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Any, TypeAlias

import torch
from torch.utils.data import DataLoader

from composer.data.dataset import Dataset
from composer.data.faults import FaultPolicy
from composer.data.loading.fetcher import (
    Fetched,
    Fetcher,
    PackingFetcher,
    Prepare,
    Prepared,
    start_worker,
)
from composer.data.loading.shared_memory import Parcel
from composer.data.sample_reading import peek_size
from composer.data.samplers import (
    InferenceSampler,
    Sampler,
    Ticket,
    TrainingSampler,
    group_by_shape,
    make_batches,
)
from composer.errors import InputError

Batch: TypeAlias = list[Prepared]

_AHEAD = 2  # batches that each worker prepares ahead
_log = logging.getLogger("composer.data")


class TrainingBatches:
    """Endless, reproducible batches for training.

    Iterating goes on at `position`, so that an interrupted training finds its place again: only
    the order is replayed, no image is read for it.

    Args:
        dataset: the images.
        mapper: prepares an image; usually a `Mapper`.
        batch_size: images in a batch of all processes together.
        seed: what order and augmentations follow from.
        sampler: the order; by default every image once an epoch, shuffled.
        aspect_grouping: whether wide images and tall ones come in different batches.
        num_workers: processes that prepare batches ahead; 0 prepares in this one.
        rank: which of the training's processes this is; each gets its part of every batch.
        world_size: how many there are.
        on_fault: `skip` reports an image that cannot be used, once, and puts the next one of the
            dataset in its place; `refuse` raises.

    Attributes:
        position: how many batches were given.
        bad_images: how often each bad image was met, by file name.

    Raises:
        InputError: there are no images, or the batch cannot be divided among the processes.
    """

    def __init__(
        self,
        dataset: Dataset,
        mapper: Prepare,
        *,
        batch_size: int,
        seed: int = 0,
        sampler: Sampler | None = None,
        aspect_grouping: bool = True,
        num_workers: int = 0,
        rank: int = 0,
        world_size: int = 1,
        on_fault: FaultPolicy = "skip",
    ) -> None:
        _check_division(batch_size, rank, world_size)
        self.sampler = sampler or TrainingSampler(len(dataset), seed=seed)
        self.batch_size = batch_size
        self.num_workers = num_workers
        self.position = 0
        self.bad_images: Counter[str] = Counter()
        self._share = slice(rank * batch_size // world_size, (rank + 1) * batch_size // world_size)
        self._groups = group_by_shape(_sizes_of(dataset)) if aspect_grouping else None
        self._fetcher = Fetcher(dataset.records, mapper, seed=seed, on_fault=on_fault, replace=True)

    def seek(self, position: int) -> None:
        """Sets the position: the next batch is the one after `position` batches.

        Iterations that are under way are not affected; begin a new one.

        Raises:
            InputError: the position is negative.
        """
        if position < 0:
            raise InputError(f"batches are counted from 0; there is no position {position}")
        self.position = position

    def __iter__(self) -> Iterator[Batch]:
        """Yields this process' shard of every batch, from `position` on, without end."""
        plan = make_batches(self.sampler, self.batch_size, self._groups)
        shares = (batch[self._share] for batch in islice(plan, self.position, None))
        for fetched in _fetch_all(self._fetcher, shares, self.num_workers):
            _report(fetched, self.bad_images)
            self.position += 1
            yield fetched.batch


class InferenceBatches:
    """Every image once, in order; each of several processes has its shard.

    Args:
        dataset: the images.
        mapper: prepares an image; usually a `Mapper`.
        batch_size: images in a batch of this process; the last one may have fewer.
        seed: what is drawn from, should the mapper leave anything to chance.
        num_workers: processes that prepare batches ahead; 0 prepares in this one.
        rank: which of the processes this is.
        world_size: how many there are.
        on_fault: `skip` reports an image that cannot be used and leaves it out; `refuse` raises.

    Attributes:
        bad_images: how often each bad image was met, by file name.
    """

    def __init__(
        self,
        dataset: Dataset,
        mapper: Prepare,
        *,
        batch_size: int = 1,
        seed: int = 0,
        num_workers: int = 0,
        rank: int = 0,
        world_size: int = 1,
        on_fault: FaultPolicy = "skip",
    ) -> None:
        self.sampler = InferenceSampler(len(dataset), rank=rank, world_size=world_size)
        self.batch_size = batch_size
        self.num_workers = num_workers
        self.bad_images: Counter[str] = Counter()
        self._fetcher = Fetcher(
            dataset.records, mapper, seed=seed, on_fault=on_fault, replace=False
        )

    @property
    def num_images(self) -> int:
        """The number of images of this process."""
        return len(self.sampler)

    def __len__(self) -> int:
        """The number of batches."""
        return -(-len(self.sampler) // self.batch_size)

    def __iter__(self) -> Iterator[Batch]:
        """Yields the batches; one of which no image can be used is left out."""
        tickets = [Ticket(index, index) for index in self.sampler]
        parts = [
            tickets[start : start + self.batch_size]
            for start in range(0, len(tickets), self.batch_size)
        ]
        for fetched in _fetch_all(self._fetcher, parts, self.num_workers):
            _report(fetched, self.bad_images)
            if fetched.batch:
                yield fetched.batch


def _fetch_all(
    fetcher: Fetcher, batches: Iterable[list[Ticket]], num_workers: int
) -> Iterator[Fetched]:
    """Prepares batches in order, ahead of time where there are workers."""
    if num_workers == 0:
        yield from map(fetcher.fetch, batches)
        return
    loader: DataLoader[Parcel] = DataLoader(
        PackingFetcher(fetcher),
        batch_size=None,
        sampler=batches,
        num_workers=num_workers,
        prefetch_factor=_AHEAD,
        worker_init_fn=start_worker,
        collate_fn=_as_it_is,
        generator=torch.Generator(),  # it draws a number; the global generator is left alone
    )
    for parcel in loader:
        yield parcel.unpack()


def _as_it_is(parcel: Any) -> Any:
    return parcel


def _report(fetched: Fetched, bad_images: Counter[str]) -> None:
    """Logs images that could not be used, each once, and raises what stops the run."""
    for bad in fetched.bad:
        if bad.file_name not in bad_images:
            _log.warning("an image cannot be used: %s", bad.reason)
        bad_images[bad.file_name] += 1
    if fetched.error is not None:
        raise fetched.error


def _check_division(batch_size: int, rank: int, world_size: int) -> None:
    if batch_size < 1 or batch_size % world_size:
        raise InputError(
            f"a batch of {batch_size} images cannot be divided among {world_size} processes"
        )
    if not 0 <= rank < world_size:
        raise InputError(f"there is no process {rank} of {world_size}: they are counted from 0")


def _sizes_of(dataset: Dataset) -> Iterator[tuple[int, int]]:
    """The (height, width) of each image, from its file where the dataset does not say."""
    for record in dataset:
        if record.height and record.width:
            yield record.height, record.width
        else:
            yield peek_size(record.file_name)
