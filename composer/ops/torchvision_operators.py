"""torchvision's operators, without its models and transforms where nothing else is needed.

Importing torchvision imports the compiler of torch, and takes as long as importing torch. The
operators are in a library of their own; gradients, autocast, tracing and other devices need what
torchvision registers in Python, too, and then all of it is imported.

Legend: N images, R regions, B boxes, C channels, `_` a map's height and width, the kept boxes.
"""

import importlib.machinery
import importlib.util
import sys
from functools import cache

import torch
from jaxtyping import Float, Int
from torch import Tensor

_LIBRARIES = ("_C_stable", "_C")  # their names, of newer and older versions


def align_regions(
    maps: Float[Tensor, "N C _ _"],
    regions: Float[Tensor, "R 5"],
    size: tuple[int, int],
    scale: float,
    sampling_ratio: int,
    *,
    aligned: bool,
) -> Float[Tensor, "R C _ _"]:
    """Pools regions to one size by bilinear samples (He et al. 2017).

    Args:
        maps: the maps.
        regions: the number of the image, then XYXY.
        size: (height, width) of the result.
        scale: cells per unit of the regions.
        sampling_ratio: samples for each cell of the result, in each direction; 0 takes as many as
            there are cells of the map.
        aligned: whether the centre of a cell is at its half, as in detectron2.
    """
    if _have_operators(maps, regions):
        operator = torch.ops.torchvision.roi_align
        return operator(maps, regions, scale, *size, sampling_ratio, aligned)
    from torchvision.ops import roi_align

    return roi_align(maps, regions, size, scale, sampling_ratio, aligned=aligned)


def suppress(
    boxes: Float[Tensor, "B 4"], scores: Float[Tensor, "B"], iou_threshold: float
) -> Int[Tensor, "_"]:
    """Drops boxes that overlap a better one; positions of the others, best score first.

    Args:
        boxes: XYXY.
        scores: what makes a box better than another.
        iou_threshold: a box goes when its intersection over union with a kept one is above.
    """
    if _have_operators(boxes, scores):
        return torch.ops.torchvision.nms(boxes, scores, iou_threshold)
    from torchvision.ops import nms

    return nms(boxes, scores, iou_threshold)


def is_followed() -> bool:
    """Whether torch follows what runs, to compile or to export it."""
    state = torch._C._get_tracing_state()
    return torch.compiler.is_compiling() or state is not None


def _have_operators(*tensors: Tensor) -> bool:
    """Whether the operators alone do for these tensors, and are there."""
    if "torchvision" in sys.modules or not all(map(_is_plain, tensors)):
        return False
    if is_followed() or torch.is_autocast_enabled("cpu") or torch._C._len_torch_dispatch_stack():
        return False
    return _load_library()


def _is_plain(tensor: Tensor) -> bool:
    is_fixed = not (tensor.requires_grad and torch.is_grad_enabled())
    return type(tensor) is Tensor and tensor.device.type == "cpu" and is_fixed


@cache
def _load_library() -> bool:
    """Loads the library of operators; whether it could be found and loaded."""
    found = importlib.util.find_spec("torchvision")
    for folder in (found and found.submodule_search_locations) or ():
        details = (
            importlib.machinery.ExtensionFileLoader,
            importlib.machinery.EXTENSION_SUFFIXES,
        )
        finder = importlib.machinery.FileFinder(folder, details)
        for name in _LIBRARIES if sys.platform == "linux" else ():
            library = finder.find_spec(name)
            if library is None or library.origin is None:
                continue
            try:
                torch.ops.load_library(library.origin)  # type: ignore[no-untyped-call]
            except (ImportError, OSError, RuntimeError):
                return False
            return hasattr(torch.ops.torchvision, "nms")
    return False
