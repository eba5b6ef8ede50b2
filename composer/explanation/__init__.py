"""Explanations: where in an image a detection, a mask, a keypoint or any number comes from."""

from composer.explanation.attribution import DEFAULT_METHOD, check_method, list_methods
from composer.explanation.explained_image import Detection, ExplainedImage
from composer.explanation.explainer import Explainer
from composer.explanation.explanation import ChannelShare, Explanation, LevelShare

__all__ = [
    "DEFAULT_METHOD",
    "ChannelShare",
    "Detection",
    "ExplainedImage",
    "Explainer",
    "Explanation",
    "LevelShare",
    "check_method",
    "list_methods",
]
