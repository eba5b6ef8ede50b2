"""Anchors at every cell of several levels.

Legend: N images. `_` is channels, rows and columns of a map; the anchors of a cell or of a level,
and the numbers of a box.
"""

from collections.abc import Mapping, Sequence

from jaxtyping import Float
from torch import Tensor, nn

from composer.ops import place_anchors


class AnchorLevels(nn.Module):
    """Repeats the anchors of a cell over the map of each level.

    The anchors of the cells are buffers, which no state dict holds.

    Args:
        names: the levels.
        strides: theirs, in pixels.
        cell_anchors: for each level the anchors of a cell, around the origin.
        offset: where in its cell an anchor's centre lies, from 0 (the upper left corner) to
            below 1.

    Raises:
        ValueError: the offset is no part of a cell.
    """

    def __init__(
        self,
        names: Sequence[str],
        strides: Sequence[int],
        cell_anchors: Sequence[Float[Tensor, "_ _"]],
        offset: float,
    ) -> None:
        super().__init__()
        if not 0 <= offset < 1:
            raise ValueError(f"offset is a part of a cell, from 0 to below 1, not {offset}.")
        self.names = tuple(names)
        self.strides = tuple(strides)
        self.offset = offset
        for level, anchors in enumerate(cell_anchors):
            self.register_buffer(f"cell_anchors_{level}", anchors, persistent=False)

    @property
    def num_cell_anchors(self) -> list[int]:
        """Number of anchors at each cell, level by level."""
        return [len(self._get_cell_anchors(level)) for level in range(len(self.names))]

    def forward(self, features: Mapping[str, Float[Tensor, "N _ _ _"]]) -> list[Tensor]:
        """Returns the anchors of each level: row after row, all anchors of a cell together."""
        anchors = []
        for level, (name, stride) in enumerate(zip(self.names, self.strides, strict=True)):
            height, width = features[name].shape[-2:]
            cell_anchors = self._get_cell_anchors(level)
            anchors.append(place_anchors(cell_anchors, (height, width), stride, self.offset))
        return anchors

    def _get_cell_anchors(self, level: int) -> Float[Tensor, "_ _"]:
        return self.get_buffer(f"cell_anchors_{level}")
