"""The cache of a training: whether it serves, and what it was used for."""

from __future__ import annotations

from dataclasses import dataclass

from composer.experiment.experiment import Experiment
from composer.graph import Graph, describe_frozen, find_frozen_nodes, format_bytes
from composer.training import ProcessGroup
from composer.value_cache import CacheFolder, CacheUse, ValueCache, open_cache

_NEW = (
    "no values are kept: batches are drawn anew in each epoch. `train.variants: 1` repeats those "
    "of the first epoch, with their augmentations; without augmentations, batches of one image "
    "come again by themselves"
)

_NOTHING = CacheUse()


@dataclass(frozen=True)
class TrainingCache:
    """The cache that values of frozen nodes are kept in.

    Args:
        cache: the cache; None where none is wanted, or nothing would be found in it again.
        plan: which nodes run once, or why none does; empty where no cache is wanted.
        before: what was read and written before the training.
    """

    cache: ValueCache | None = None
    plan: str = ""
    before: CacheUse = _NOTHING

    @classmethod
    def choose(
        cls,
        folder: CacheFolder | None,
        experiment: Experiment,
        graph: Graph,
        processes: ProcessGroup,
    ) -> TrainingCache:
        """The cache of an experiment.

        Args:
            folder: where values are to be kept, if at all.
            experiment: the experiment.
            graph: its model.
            processes: the processes of the training.

        Raises:
            InputError: the folder is none for values.
        """
        if folder is None:
            return cls()
        cache = open_cache(folder)
        if not experiment.document.train.repeats_batches(processes.size):
            return cls(plan=_NEW)
        with graph.in_training_mode():
            frozen = find_frozen_nodes(graph.blueprint, graph.callables)
        return cls(cache if frozen.frontier else None, describe_frozen(frozen), cache.use)

    def describe_use(self) -> str:
        """What was read and written during the training; empty without a cache."""
        if self.cache is None:
            return ""
        use, before = self.cache.use, self.before
        read, written = use.bytes_read - before.bytes_read, use.bytes_written - before.bytes_written
        return (
            f"kept values: {use.num_written - before.num_written} written "
            f"({format_bytes(written)}), {use.num_read - before.num_read} read "
            f"({format_bytes(read)})"
        )
