"""Augmentations in documents."""

from typing import ClassVar

from pydantic import PrivateAttr, model_validator
from typing_extensions import Self

from composer.data.augmentations.augmentation import Augmentation, Mixture
from composer.data.plugin_call import PluginCall
from composer.registry import AUGMENTATION_GROUP, Registry


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
            label = Registry.installed(self.group).label(self.uses)
            reason = f"{type(error).__name__}: {error}"
            raise ValueError(f"augmentation {label} cannot be made: {reason}") from error
        return self

    @property
    def augmentation(self) -> Augmentation | Mixture:
        """The augmentation."""
        return self._augmentation
