"""Features of an image in two sizes."""

from torch import nn

from composer.layers import Optimization
from composer.ranges import PositiveInt
from composer.structures import Features, TensorShape, find_strides, pick_levels


class ImagePyramid(nn.Module):
    """Joins the features of images with those of their smaller copies (Adelson et al. 1984).

    A network sees objects of different sizes at similar ones: small objects in the image, large
    ones in the copy. The levels of the copy get names of their own, and strides in pixels of the
    image.

    Args:
        features_shape: the levels of the image.
        smaller_shape: the levels of the copy.
        factor: how many times the copy is smaller.
        suffix: what is added to the names of its levels.
        levels: the levels that go out, finest first, by a new name: {p3: p2_half} makes the p2 of
            the copy the level p3. All levels by default.

    Raises:
        ValueError: a stride is not known, a level has the new name already, or there is no such
            level.
    """

    def __init__(
        self,
        *,
        features_shape: dict[str, TensorShape],
        smaller_shape: dict[str, TensorShape],
        factor: PositiveInt = 2,
        suffix: str = "_half",
        levels: dict[str, str] | None = None,
    ) -> None:
        super().__init__()
        self.suffix = suffix
        shapes = dict(features_shape)
        strides = find_strides(smaller_shape, smaller_shape)
        for (name, shape), stride in zip(smaller_shape.items(), strides, strict=True):
            renamed = f"{name}{suffix}"
            if renamed in features_shape:
                raise ValueError(f"There is a level '{renamed}' already: choose another suffix.")
            shapes[renamed] = TensorShape(shape.channels, stride=stride * factor)
        self.levels = dict(zip(shapes, shapes, strict=True)) if levels is None else levels
        pick_levels(shapes, tuple(self.levels.values()))
        self._output_shape = {name: shapes[source] for name, source in self.levels.items()}

    @property
    def output_shape(self) -> dict[str, TensorShape]:
        """The levels that go out."""
        return self._output_shape

    @classmethod
    def optimization(cls) -> Optimization:
        """Returns how it may be changed in inference: it passes maps on as they are."""
        return Optimization(any_precision=True)

    def forward(self, features: Features, smaller: Features) -> Features:
        """Returns levels of the image and of the copy under their new names."""
        maps = {**features, **{f"{name}{self.suffix}": map_ for name, map_ in smaller.items()}}
        return {name: maps[source] for name, source in self.levels.items()}
