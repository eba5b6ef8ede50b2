"""The types of values between nodes: Python types with a meaning.

A port's type is the annotation of a parameter or of a return value. Two tensors of the same
shape may still mean different things (features of a region, logits of a mask), so a type alias
with a `PortType` gives them a name, and the wiring check compares those. A name is that of the
package which defines it: two plugins may use one name for different things.

Legend: N images, R regions over all images, A anchors, C channels, K classes, H W a map's
height and width. `_` stands for a dimension that may differ between levels, images or ports.
"""

import sys
from dataclasses import dataclass
from typing import Annotated, Any, TypeVar

from jaxtyping import Float, Int
from torch import Tensor

from composer.structures.boxes import Boxes
from composer.structures.rotated_boxes import RotatedBoxes

_MAKING = ("_find_caller", "__post_init__", "__init__")

AnyBoxes = TypeVar("AnyBoxes", Boxes, RotatedBoxes)


@dataclass(frozen=True)
class PortType:
    """The name and the meaning of a port's type, put on a plain type with `Annotated`.

    Two named types fit each other when they are the same type, by name and package, and their `of`
    fits. An unnamed type (a plain `Tensor`) fits every named type that is made of it.

    Args:
        name: its name.
        doc: its meaning.
        of: the type of what its numbers describe, for a named type of several kinds: anchors
            of `Boxes` or of `RotatedBoxes`.
        per_class: whether values depend on the number of classes, of which nodes that give and
            take them must have the same.
        package: import package that defines it; by default that of the calling module.
    """

    name: str
    doc: str = ""
    of: Any = None
    per_class: bool = False
    package: str = ""

    def __post_init__(self) -> None:
        if not self.package:
            object.__setattr__(self, "package", _find_package(_find_caller()))


def _find_caller() -> str:
    """The module that makes a port type, beyond its constructor and what checks its calls."""
    frame = sys._getframe(1)
    while frame.f_back is not None:
        package = str(frame.f_globals.get("__name__", "")).partition(".")[0]
        if frame.f_code.co_name not in _MAKING and package not in ("jaxtyping", "beartype"):
            break
        frame = frame.f_back
    return str(frame.f_globals.get("__name__", ""))


def _find_package(module: str) -> str:
    """The outermost package of a module that one distribution has: none that several share."""
    parts = module.split(".")
    for length in range(1, len(parts)):
        package = sys.modules.get(".".join(parts[:length]))
        if getattr(package, "__file__", None) is not None:
            return ".".join(parts[:length])
    return module


Features = Annotated[
    dict[str, Float[Tensor, "N _ _ _"]],
    PortType("Features", "Feature maps by level name, finest first."),
]
RegionFeatures = Annotated[
    Float[Tensor, "R ..."],
    PortType("RegionFeatures", "Features of every region, image after image."),
]
Anchors = Annotated[
    list[Float[Tensor, "_ 4"]],
    PortType(
        "Anchors",
        "Anchors per level (XYXY, pixels), shared by the images of a batch.",
        of=Boxes,
    ),
]
RotatedAnchors = Annotated[
    list[Float[Tensor, "_ 5"]],
    PortType(
        "Anchors",
        "Anchors per level (centre, width and height in pixels, angle in degrees), shared by the "
        "images of a batch.",
        of=RotatedBoxes,
    ),
]
AnyAnchors = Annotated[
    list[Float[Tensor, "_ _"]],
    PortType(
        "Anchors",
        "Anchors per level, upright or rotated, shared by the images of a batch.",
        of=AnyBoxes,
    ),
]
Objectness = Annotated[
    list[Float[Tensor, "N _ _ _"]],
    PortType("Objectness", "Objectness logits per level, one channel an anchor."),
]
AnchorDeltas = Annotated[
    list[Float[Tensor, "N _ _ _"]],
    PortType("AnchorDeltas", "Box deltas per level, an anchor's four in a row."),
]
AnchorLogits = Annotated[
    list[Float[Tensor, "N _ _ _"]],
    PortType(
        "AnchorLogits", "Class logits per level, an anchor's classes in a row.", per_class=True
    ),
]
AnchorLabels = Annotated[
    Int[Tensor, "_"],
    PortType(
        "AnchorLabels",
        "For each anchor of all levels 1 for an object, 0 for the background, -1 where it does "
        "not count.",
    ),
]
AnchorClasses = Annotated[
    Int[Tensor, "_"],
    PortType(
        "AnchorClasses",
        "For each anchor of all levels its class: the number of classes for the background, "
        "-1 where it does not count.",
        per_class=True,
    ),
]
EdgeDistances = Annotated[
    list[Float[Tensor, "N 4 _ _"]],
    PortType("EdgeDistances", "Distances per level from each cell to the edges of its box."),
]
DistanceLogits = Annotated[
    list[Float[Tensor, "N _ _ _"]],
    PortType(
        "DistanceLogits",
        "Logits per level of distances from each cell to the edges of its box, the bins of a "
        "distance in a row.",
    ),
]
Centerness = Annotated[
    list[Float[Tensor, "N 1 _ _"]],
    PortType("Centerness", "Logits per level of how central in its object a cell is."),
]
ClassLogits = Annotated[
    Float[Tensor, "R _"],
    PortType("ClassLogits", "Class logits of every region, the background last.", per_class=True),
]
BoxDeltas = Annotated[
    Float[Tensor, "R _"],
    PortType("BoxDeltas", "Box deltas of every region, 4 a class or 4 in all.", per_class=True),
]
MaskLogits = Annotated[
    Float[Tensor, "R _ _ _"],
    PortType(
        "MaskLogits",
        "Mask logits of every region, one channel a class or one in all.",
        per_class=True,
    ),
]
Scores = Annotated[Float[Tensor, "_"], PortType("Scores", "A score for each box.")]
Classes = Annotated[
    Int[Tensor, "_"], PortType("Classes", "A contiguous class index for each box.", per_class=True)
]
ClassWeights = Annotated[
    Float[Tensor, "_"],
    PortType(
        "ClassWeights", "How likely each class is drawn by the federated loss.", per_class=True
    ),
]
ClassProbabilities = Annotated[
    Float[Tensor, "_ _"],
    PortType(
        "ClassProbabilities",
        "The whole class distribution of each box, background last.",
        per_class=True,
    ),
]
Indices = Annotated[Int[Tensor, "_"], PortType("Indices", "For each box, the index of its origin.")]
MaskProbabilities = Annotated[
    Float[Tensor, "_ 1 _ _"],
    PortType("MaskProbabilities", "Foreground probabilities of each box's mask, within the box."),
]
KeypointLogits = Annotated[
    Float[Tensor, "R _ _ _"],
    PortType("KeypointLogits", "Logits of the place of every region's keypoints, one map each."),
]
KeypointHeatmaps = Annotated[
    Float[Tensor, "_ _ _ _"],
    PortType("KeypointHeatmaps", "Logits of the place of each box's keypoints, within the box."),
]
PredictedKeypoints = Annotated[
    Float[Tensor, "_ _ 3"],
    PortType("PredictedKeypoints", "(x, y, score) of each box's keypoints, in pixels."),
]
SemanticLogits = Annotated[
    Float[Tensor, "N _ _ _"],
    PortType("SemanticLogits", "Class logits of every place of the padded images."),
]
SemanticScores = Annotated[
    Float[Tensor, "_ _ _"],
    PortType("SemanticScores", "Class logits of every pixel of an image, C x H x W."),
]
Losses = Annotated[
    dict[str, Float[Tensor, ""]],
    PortType("Losses", "Weighted losses by name; their sum is what training minimises."),
]
