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
from composer.data.loading.fetcher import (
    Fetched,
    Fetcher,
    LoadingOptions,
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
    repeat_batches,
)
from composer.errors import InputError

Batch: TypeAlias = list[Prepared]

_DEFAULTS = LoadingOptions()
_AHEAD = 2  # batches that each worker prepares ahead
_log = logging.getLogger("composer.data")


class TrainingBatches:
    """Endless, reproducible batches for training.

    Iterating goes on at `position`, so that an interrupted training finds its place again: only
    the order is replayed, no image is read for it.

    Args:
        dataset: the images.
        mapper: prepares an image; usually a `Mapper`.
        options: batch size, seed, workers and the shard of this process.
        sampler: the order; by default every image once an epoch, shuffled.
        aspect_grouping: whether wide images and tall ones come in different batches.
        variants: number of epochs after which the batches come again, with their augmentations and
            in another order; None for new ones in each epoch.

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
        options: LoadingOptions,
        *,
        sampler: Sampler | None = None,
        aspect_grouping: bool = True,
        variants: int | None = None,
    ) -> None:
        self.options = options
        self._num_samples = None if variants is None else variants * len(dataset)
        self.sampler = sampler or TrainingSampler(len(dataset), seed=options.seed)
        self.position = 0
        self.bad_images: Counter[str] = Counter()
        self._shard = options.find_shard()
        self._groups = group_by_shape(_sizes_of(dataset)) if aspect_grouping else None
        self._fetcher = Fetcher(dataset.records, mapper, options, replace=True)

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
        shards = (batch[self._shard] for batch in self._plan())
        for fetched in _fetch_all(self._fetcher, shards, self.options.num_workers):
            _report(fetched, self.bad_images)
            self.position += 1
            yield fetched.batch

    def _plan(self) -> Iterator[list[Ticket]]:
        """The batches of all processes from `position` on."""
        size, options = self.options.batch_size, self.options
        if self._num_samples is None:
            yield from islice(make_batches(self.sampler, size, self._groups), self.position, None)
            return
        yield from repeat_batches(
            self.sampler,
            self._num_samples,
            size,
            self._groups,
            seed=options.seed,
            start=self.position,
        )


class InferenceBatches:
    """Every image once, in order; each of several processes has its shard.

    Args:
        dataset: the images.
        mapper: prepares an image; usually a `Mapper`.
        options: batch size, workers and the shard of this process. The last batch may have fewer
            images.

    Attributes:
        bad_images: how often each bad image was met, by file name.
    """

    def __init__(
        self,
        dataset: Dataset,
        mapper: Prepare,
        options: LoadingOptions = _DEFAULTS,
    ) -> None:
        self.options = options
        self.sampler = InferenceSampler(
            len(dataset), rank=options.rank, world_size=options.world_size
        )
        self.bad_images: Counter[str] = Counter()
        self._fetcher = Fetcher(dataset.records, mapper, options, replace=False)

    @property
    def num_images(self) -> int:
        """The number of images of this process."""
        return len(self.sampler)

    def __len__(self) -> int:
        """The number of batches."""
        return -(-len(self.sampler) // self.options.batch_size)

    def __iter__(self) -> Iterator[Batch]:
        """Yields the batches; one of which no image can be used is left out."""
        tickets = [Ticket(index, index) for index in self.sampler]
        size = self.options.batch_size
        parts = [tickets[start : start + size] for start in range(0, len(tickets), size)]
        for fetched in _fetch_all(self._fetcher, parts, self.options.num_workers):
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


def _sizes_of(dataset: Dataset) -> Iterator[tuple[int, int]]:
    """The (height, width) of each image, from its file where the dataset does not say."""
    for record in dataset:
        if record.height and record.width:
            yield record.height, record.width
        else:
            yield peek_size(record.file_name)
