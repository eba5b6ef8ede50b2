"""Options of loading, shared by the batches of training and of inference."""

from dataclasses import dataclass

from composer.data.faults import FaultPolicy
from composer.errors import InputError


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
