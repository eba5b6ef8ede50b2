"""transformers' image processors, from plain values."""

import difflib
from collections.abc import Mapping
from typing import Any

from composer_transformers.library import load_library

# The processors of model types that have none of their own, or that are trained with another's.
_PROCESSORS = {
    "detr": "DetrImageProcessor",
    "conditional_detr": "ConditionalDetrImageProcessor",
    "deformable_detr": "DeformableDetrImageProcessor",
    "rt_detr": "RTDetrImageProcessor",
    "rt_detr_v2": "RTDetrImageProcessor",
    "d_fine": "RTDetrImageProcessor",
    "yolos": "YolosImageProcessor",
    "mask2former": "Mask2FormerImageProcessor",
    "maskformer": "MaskFormerImageProcessor",
}
# Names of an older transformers, in files that it saved.
_SUFFIXES = ("Fast", "Pil")
_OLD_SUFFIX = "FeatureExtractor"
_NOT_OPTIONS = ("image_processor_type", "feature_extractor_type", "processor_class", "auto_map")


def build_processor(name: str, options: Mapping[str, Any]) -> Any:
    """Builds an image processor; nothing is fetched, and no code of a model is run.

    Args:
        name: the name of its class, or a kind of model.
        options: what differs from its defaults.

    Raises:
        ValueError: there is no such image processor.
    """
    known = sorted(set(_PROCESSORS.values()))
    class_name = _PROCESSORS.get(name, name).replace(_OLD_SUFFIX, "ImageProcessor")
    for suffix in _SUFFIXES:
        class_name = class_name.removesuffix(suffix)
    if class_name not in known:
        close = difflib.get_close_matches(name, [*known, *_PROCESSORS], n=1)
        hint = f"Did you mean '{close[0]}'?" if close else f"It is one of {', '.join(known)}."
        raise ValueError(f"There is no image processor '{name}' of a detector. {hint}")
    values = {key: value for key, value in options.items() if key not in _NOT_OPTIONS}
    return getattr(load_library(), class_name).from_dict(values)
