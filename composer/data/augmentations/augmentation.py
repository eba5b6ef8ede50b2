"""The interface of augmentations, and their form in documents."""

from collections.abc import Callable, Iterable
from typing import ClassVar, Protocol, runtime_checkable

import torch
from pydantic import PrivateAttr, model_validator
from typing_extensions import Self

from composer.data.plugin_call import PluginCall
from composer.data.samples import Sample
from composer.escapes import describe_error
from composer.registry import AUGMENTATION_GROUP


class Augmentation(Protocol):
    """A random change of a sample."""

    def __call__(self, sample: Sample, generator: torch.Generator) -> Sample:
        """Returns the changed sample; the given one stays as it is.

        Args:
            sample: an image and what is known about it.
            generator: where all that is left to chance is drawn from. Equal generators give
                equal samples.
        """
        ...


@runtime_checkable
class Mixture(Protocol):
    """A random mixture of a sample with parts of another image."""

    def mix(
        self, sample: Sample, generator: torch.Generator, draw_partner: Callable[[], Sample]
    ) -> Sample:
        """Returns the changed sample; the given one stays as it is.

        Args:
            sample: an image and what is known about it.
            generator: where all that is left to chance is drawn from.
            draw_partner: gives a sample of another image of the dataset, drawn by chance, to
                which the augmentations that stand before this one were applied.
        """
        ...


def can_mirror(augmentations: Iterable[object]) -> bool:
    """Whether any of them may mirror a sample: those say so in an attribute `mirrors`."""
    return any(getattr(each, "mirrors", False) for each in augmentations)


class AugmentationCall(PluginCall):
    """An augmentation by name and its configuration: `{uses: random_flip, with: {...}}`.

    It is made when the document is read, so that a configuration that makes no sense has a place.
    """

    group: ClassVar[str] = AUGMENTATION_GROUP
    _augmentation: Augmentation | Mixture = PrivateAttr()

    @model_validator(mode="after")
    def _make(self) -> Self:
        try:
            self._augmentation = self.make()
        except ValueError:  # how a constructor says that values do not fit each other
            raise
        except Exception as error:
            reason = describe_error(error)
            raise ValueError(f"augmentation {self.label} cannot be made: {reason}") from error
        return self

    @property
    def augmentation(self) -> Augmentation | Mixture:
        """The augmentation."""
        return self._augmentation
