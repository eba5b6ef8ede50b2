"""Augmentations: random changes of samples, drawn from the given generator only.

An augmentation is a class whose keyword-only parameters are its configuration, and whose
instances are called with a sample and a `torch.Generator` and give a new sample. One that takes
from a second image has a method `mix` instead. Published under a name in the entry point group
`composer.augmentations`, it can stand in an experiment.
"""

from composer.data.augmentations.augmentation import Augmentation, Mixture
from composer.data.augmentations.color import (
    RandomBlur,
    RandomColor,
    RandomGrayscale,
    RandomLighting,
)
from composer.data.augmentations.copy_paste import CopyPaste
from composer.data.augmentations.geometry import RandomCrop, RandomFlip, RandomRotation
from composer.data.augmentations.random_apply import RandomApply
from composer.data.augmentations.scale import LargeScaleJitter, RandomZoomOut, ResizeShortestEdge
from composer.data.augmentations.torchvision_transform import TorchvisionTransform
from composer.data.augmentations.windows import MinIoURandomCrop, RandomExtent

__all__ = [
    "Augmentation",
    "CopyPaste",
    "LargeScaleJitter",
    "MinIoURandomCrop",
    "Mixture",
    "RandomApply",
    "RandomBlur",
    "RandomColor",
    "RandomCrop",
    "RandomExtent",
    "RandomFlip",
    "RandomGrayscale",
    "RandomLighting",
    "RandomRotation",
    "RandomZoomOut",
    "ResizeShortestEdge",
    "TorchvisionTransform",
]
