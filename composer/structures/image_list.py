"""Images of different sizes in one tensor.

Legend: N images, C channels, H W the padded height and width. `_` is an image's own size.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import torch
import torch.nn.functional as F
from jaxtyping import Shaped
from torch import Tensor

from composer.structures.tensor_sizes import check_size


class ImageList:
    """A batch of images, padded at the right and at the bottom to one size.

    Args:
        tensor: the padded images, N x C x H x W.
        image_sizes: (height, width) of every image without its padding.

    Raises:
        ValueError: the sizes do not fit the tensor.
    """

    def __init__(
        self, tensor: Shaped[Tensor, "N *C H W"], image_sizes: Sequence[tuple[int, int]]
    ) -> None:
        if len(image_sizes) != len(tensor):
            raise ValueError(f"{len(tensor)} images but {len(image_sizes)} image sizes.")
        self.tensor = tensor
        self.sizes: list[tuple[int, int]] | Tensor = [(int(h), int(w)) for h, w in image_sizes]
        for index, (height, width) in enumerate(self.image_sizes):
            if height > tensor.shape[-2] or width > tensor.shape[-1]:
                raise ValueError(
                    f"Image {index} is {height} x {width}, larger than the padded "
                    f"{tensor.shape[-2]} x {tensor.shape[-1]}."
                )

    @staticmethod
    def from_tensors(
        tensors: Sequence[Shaped[Tensor, "*_ _ _"]],
        size_divisibility: int = 0,
        pad_value: float = 0.0,
        square_size: int = 0,
    ) -> "ImageList":
        """Pads images to the largest height and width among them, and stacks them.

        Args:
            tensors: images of C x H x W; H and W may differ.
            size_divisibility: round the padded sides up to a multiple of it; 0 or 1 for none.
            pad_value: the value of the padding.
            square_size: at least this many pixels in both directions; 0 for none.

        Raises:
            ValueError: there is no image, or their channels differ.
            MemoryShortageError: they would take more memory than is at hand.
        """
        if not tensors:
            raise ValueError("An ImageList of no images has no size: build it from a tensor.")
        if len({tensor.shape[:-2] for tensor in tensors}) > 1:
            shapes = ", ".join(str(tuple(tensor.shape)) for tensor in tensors)
            raise ValueError(f"Images of one batch have equal channels, these are {shapes}.")
        height = max(square_size, *(tensor.shape[-2] for tensor in tensors))
        width = max(square_size, *(tensor.shape[-1] for tensor in tensors))
        height = round_up(height, size_divisibility)
        width = round_up(width, size_divisibility)
        shape = (2, len(tensors), *tensors[0].shape[:-2], height, width)  # one by one, and stacked
        count = "1 image" if len(tensors) == 1 else f"{len(tensors)} images"
        check_size(tensors[0], shape, f"{count}, padded to {height} x {width},")
        padded = [
            F.pad(t, (0, width - t.shape[-1], 0, height - t.shape[-2]), value=pad_value)
            for t in tensors
        ]
        return ImageList(torch.stack(padded), [(t.shape[-2], t.shape[-1]) for t in tensors])

    @property
    def image_sizes(self) -> list[tuple[int, int]]:
        """(height, width) of every image without its padding; read from a tensor when needed."""
        if isinstance(self.sizes, Tensor):
            rows: list[list[int]] = self.sizes.tolist()
            self.sizes = [(height, width) for height, width in rows]
        return self.sizes

    @property
    def device(self) -> torch.device:
        """The tensor's device."""
        return self.tensor.device

    def __len__(self) -> int:
        return len(self.sizes)

    def __getitem__(self, index: int) -> Shaped[Tensor, "*_ _ _"]:
        """Returns one image without its padding."""
        height, width = self.image_sizes[index]
        return self.tensor[index, ..., :height, :width]

    def __repr__(self) -> str:
        return f"ImageList(tensor of {tuple(self.tensor.shape)}, image_sizes={self.image_sizes})"

    def summary(self) -> str:
        """Describes it in a few words."""
        shape = "x".join(map(str, self.tensor.shape))
        return f"{shape} {str(self.tensor.dtype).removeprefix('torch.')}"

    def to(self, *args: Any, **kwargs: Any) -> "ImageList":
        """Returns the images on another device or of another dtype, as `Tensor.to` does."""
        return self._with(self.tensor.to(*args, **kwargs))

    def tensors(self) -> Iterator[Tensor]:
        """Yields the one tensor that it holds."""
        yield self.tensor

    def map_tensors(self, fn: Callable[[Tensor], Tensor]) -> "ImageList":
        """Returns images of `fn(tensor)`."""
        return self._with(fn(self.tensor))

    def _with(self, tensor: Tensor) -> "ImageList":
        images = object.__new__(ImageList)
        images.tensor, images.sizes = tensor, self.sizes
        return images


def round_up(size: int, multiple: int) -> int:
    """Returns the smallest multiple that is no less than `size`; 0 and 1 leave it as it is."""
    return size if multiple <= 1 else -(-size // multiple) * multiple
