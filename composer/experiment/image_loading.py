"""What a document says of the images that a model learns from, or is measured on."""

from __future__ import annotations

from collections.abc import Mapping

from pydantic import Field

from composer.data.augmentations.call import AugmentationCall
from composer.data.dataset import Dataset, concatenate_datasets, require_datasets
from composer.data.faults import FaultPolicy
from composer.data.loading import InferenceBatches, LoadingOptions, TrainingBatches
from composer.data.mapper import Mapper
from composer.data.sample_reading import MaskFormat
from composer.data.samplers import SamplerSettings
from composer.documents import DocumentPart
from composer.language import ImageFormat
from composer.ranges import NonNegativeInt, PositiveInt


class _LoadingSettings(DocumentPart):
    datasets: list[str] = Field(min_length=1, description="Names of datasets, which are joined.")
    augmentations: list[AugmentationCall] | None = Field(
        None, description="What is done to images, in order; by default the model's own resizing."
    )
    batch_size: PositiveInt = Field(description="Images in a batch.")
    num_workers: NonNegativeInt = Field(2, description="Processes that prepare batches ahead.")
    mask_format: MaskFormat = Field(
        "auto", description="Whether masks are polygons or pixels; `auto`: as the dataset has them."
    )
    rotated_boxes: bool = Field(
        False, description="Whether boxes lie at any angle around masks, for rotated models."
    )
    on_fault: FaultPolicy = Field(
        "skip", description="What to do about an image that cannot be read: `skip` or `refuse`."
    )

    def choose_dataset(self, datasets: Mapping[str, Dataset]) -> Dataset:
        """The datasets that are named, or what is used of them, joined.

        Args:
            datasets: those that there are, by name.

        Raises:
            NameResolutionError: there is no such dataset.
            DataError: they have different classes.
        """
        return concatenate_datasets(self._choose(datasets))

    def _choose(self, datasets: Mapping[str, Dataset]) -> list[Dataset]:
        require_datasets(self.datasets, datasets)
        return [datasets[name] for name in self.datasets]

    def make_options(self, *, seed: int = 0, rank: int = 0, world_size: int = 1) -> LoadingOptions:
        """The options of loading, for one of the processes that share the work."""
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
        """What prepares the images of a dataset.

        Args:
            dataset: the images, and those that augmentations may take objects of.
            image_format: how the model wants images.
            annotated: whether ground truth comes along.
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
    """The images to learn from."""

    batch_size: PositiveInt = Field(4, description="Images in a batch of all processes together.")
    sampler: SamplerSettings = Field(SamplerSettings(), description="The order of the images.")
    aspect_grouping: bool = Field(
        True, description="Whether wide images and tall ones come in different batches."
    )
    only_annotated: bool = Field(True, description="Whether images without objects are left out.")

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
        """Puts the batches together that a training learns from.

        Args:
            datasets: those that there are, by name.
            image_format: how the model wants images.
            seed: what order and augmentations follow from.
            rank: which of the training's processes this is.
            world_size: how many there are.

        Raises:
            NameResolutionError: there is no such dataset.
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
        )


class InferenceData(_LoadingSettings):
    """The images to be measured on."""

    batch_size: PositiveInt = Field(1, description="Images in a batch of one process.")

    def make_batches(
        self,
        datasets: Mapping[str, Dataset],
        image_format: ImageFormat,
        *,
        annotated: bool = False,
        rank: int = 0,
        world_size: int = 1,
    ) -> InferenceBatches:
        """Puts the batches together that a model is measured on.

        Args:
            datasets: those that there are, by name.
            image_format: how the model wants images.
            annotated: whether ground truth comes along, which a validation loss needs.
            rank: which of the processes this is.
            world_size: how many there are.

        Raises:
            NameResolutionError: there is no such dataset.
            DataError: the datasets have different classes.
        """
        joined = self.choose_dataset(datasets)
        return InferenceBatches(
            joined,
            self.make_mapper(joined, image_format, annotated=annotated),
            self.make_options(rank=rank, world_size=world_size),
        )
