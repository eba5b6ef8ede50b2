"""The sections `train` and `validation` of an experiment: datasets, augmentations, batches."""

from __future__ import annotations

from collections.abc import Mapping

from pydantic import Field

from composer.data import (
    AugmentationCall,
    Dataset,
    FaultPolicy,
    InferenceBatches,
    LoadingOptions,
    Mapper,
    MaskFormat,
    SamplerSettings,
    TrainingBatches,
    concatenate_datasets,
    require_datasets,
)
from composer.documents import DocumentPart
from composer.language import ImageFormat
from composer.ranges import NonNegativeInt, PositiveInt


class _LoadingSettings(DocumentPart):
    datasets: list[str] = Field(min_length=1, description="Names of datasets, which are joined.")
    augmentations: list[AugmentationCall] | None = Field(
        None, description="Augmentations, in order; by default the model's own resizing."
    )
    batch_size: PositiveInt = Field(description="Images in a batch.")
    num_workers: NonNegativeInt = Field(2, description="Worker processes that prepare batches.")
    mask_format: MaskFormat = Field(
        "auto", description="Polygons or bit masks; `auto`: those of the dataset."
    )
    rotated_boxes: bool = Field(
        False, description="Fit rotated boxes to masks, for models of rotated boxes."
    )
    on_fault: FaultPolicy = Field("skip", description="Unreadable images: `skip` or `refuse`.")

    def join_datasets(self, datasets: Mapping[str, Dataset]) -> Dataset:
        """Joins the datasets of this section.

        Args:
            datasets: opened datasets by name.

        Raises:
            NameResolutionError: a dataset is missing.
            DataError: they have different classes.
        """
        return concatenate_datasets(self._choose(datasets))

    def _choose(self, datasets: Mapping[str, Dataset]) -> list[Dataset]:
        require_datasets(self.datasets, datasets)
        return [datasets[name] for name in self.datasets]

    def make_options(self, *, seed: int = 0, rank: int = 0, world_size: int = 1) -> LoadingOptions:
        """The loading options of one process."""
        return LoadingOptions(
            batch_size=self.batch_size,
            seed=seed,
            num_workers=self.num_workers,
            on_fault=self.on_fault,
            rank=rank,
            world_size=world_size,
        )

    def make_mapper(
        self, dataset: Dataset, image_format: ImageFormat, *, annotated: bool
    ) -> Mapper:
        """The mapper from records of a dataset to inputs of the model.

        Args:
            dataset: the images, which augmentations may copy objects from, too.
            image_format: the image format of the model.
            annotated: include ground truth.
        """
        calls = self.augmentations
        return Mapper(
            None if calls is None else [call.augmentation for call in calls],
            image_format,
            metadata=dataset.metadata,
            annotated=annotated,
            mask_format=self.mask_format,
            partners=dataset.records if annotated else (),
            rotated_boxes=self.rotated_boxes,
        )


class TrainingData(_LoadingSettings):
    """The training set."""

    batch_size: PositiveInt = Field(4, description="Images in a batch, over all processes.")
    sampler: SamplerSettings = Field(SamplerSettings(), description="The order of the images.")
    aspect_grouping: bool = Field(
        True, description="Put wide and tall images into different batches."
    )
    only_annotated: bool = Field(True, description="Leave out images without objects.")
    variants: PositiveInt | None = Field(
        None,
        description="Epochs after which batches and their augmentations come again, in another "
        "order; null draws new ones in each epoch.",
    )

    def repeats_batches(self, world_size: int = 1) -> bool:
        """Whether the batches of a process come again: drawn so, or single plain images."""
        is_plain = self.augmentations is None or not self.augmentations
        return self.variants is not None or (is_plain and self.batch_size == world_size)

    def _choose(self, datasets: Mapping[str, Dataset]) -> list[Dataset]:
        chosen = super()._choose(datasets)
        return [one.only_annotated() for one in chosen] if self.only_annotated else chosen

    def make_batches(
        self,
        datasets: Mapping[str, Dataset],
        image_format: ImageFormat,
        *,
        seed: int = 0,
        rank: int = 0,
        world_size: int = 1,
    ) -> TrainingBatches:
        """The batches of a training.

        Args:
            datasets: opened datasets by name.
            image_format: the image format of the model.
            seed: seed of order and augmentations.
            rank: rank of this process.
            world_size: number of processes.

        Raises:
            NameResolutionError: a dataset is missing.
            DataError: the datasets have different classes.
            InputError: there are no images, or the batch cannot be divided.
        """
        chosen = self._choose(datasets)
        joined = concatenate_datasets(chosen)
        return TrainingBatches(
            joined,
            self.make_mapper(joined, image_format, annotated=True),
            self.make_options(seed=seed, rank=rank, world_size=world_size),
            sampler=self.sampler.make(chosen, seed),
            aspect_grouping=self.aspect_grouping,
            variants=self.variants,
        )


class InferenceData(_LoadingSettings):
    """The validation set."""

    batch_size: PositiveInt = Field(1, description="Images in a batch of each process.")

    def make_batches(
        self,
        datasets: Mapping[str, Dataset],
        image_format: ImageFormat,
        *,
        annotated: bool = False,
        rank: int = 0,
        world_size: int = 1,
    ) -> InferenceBatches:
        """The batches of an evaluation.

        Args:
            datasets: opened datasets by name.
            image_format: the image format of the model.
            annotated: include ground truth, for validation losses.
            rank: rank of this process.
            world_size: number of processes.

        Raises:
            NameResolutionError: a dataset is missing.
            DataError: the datasets have different classes.
        """
        joined = self.join_datasets(datasets)
        return InferenceBatches(
            joined,
            self.make_mapper(joined, image_format, annotated=annotated),
            self.make_options(rank=rank, world_size=world_size),
        )
