"""Values of maps at points, and the choice of points.

Points are (x, y) from 0 to 1, from the left and upper border of a map to the right and lower one.
Legend: N maps, C channels, H W height and width, P points of a map, R regions of an image.
"""

from collections.abc import Callable

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor

from composer_point_rend.point_types import UncertainCells

Uncertainty = Callable[[Float[Tensor, "N _ P"]], Float[Tensor, "N P"]]


def sample_points(
    maps: Float[Tensor, "N C _ _"], points: Float[Tensor, "N P 2"]
) -> Float[Tensor, "N C P"]:
    """Interpolates maps at points (bilinear); beyond the centres of border cells they fade to zero.

    Args:
        maps: values of cells.
        points: the points of each map.
    """
    if points.shape[0] == 0 or points.shape[1] == 0:
        return maps.new_zeros(len(maps), maps.shape[1], points.shape[1])
    grid = (2.0 * points - 1.0)[:, :, None].float()
    found = F.grid_sample(maps.float(), grid, mode="bilinear", align_corners=False)
    return found[..., 0].to(maps.dtype)


def make_grid(side: int, device: torch.device | None = None) -> Float[Tensor, "_ 2"]:
    """Returns the centres of the cells of a square grid, row by row.

    Args:
        side: number of cells in a row.
        device: where they are needed.
    """
    centers = (torch.arange(side, device=device, dtype=torch.float32) + 0.5) / side
    y, x = torch.meshgrid(centers, centers, indexing="ij")
    return torch.stack((x, y), dim=2).reshape(-1, 2)


def place_points(
    points: Float[Tensor, "R P 2"], boxes: Float[Tensor, "R 4"]
) -> Float[Tensor, "R P 2"]:
    """Returns where points of regions are in their image, in pixels.

    Args:
        points: within each region.
        boxes: the regions, XYXY in pixels.
    """
    boxes = boxes.detach()
    corners, sizes = boxes[:, None, :2], boxes[:, None, 2:] - boxes[:, None, :2]
    return points * sizes + corners


def rate_masks(logits: Float[Tensor, "N _ P"], classes: Int[Tensor, "_"]) -> Float[Tensor, "N P"]:
    """Returns the uncertainty of a region's mask for its class: 0 on its outline, less elsewhere.

    Args:
        logits: one mask a class or one in all.
        classes: the class of each region.
    """
    return -pick_class(logits, classes).abs()


def rate_classes(logits: Float[Tensor, "N _ P"]) -> Float[Tensor, "N P"]:
    """Returns the uncertainty of pixels' classes: how much the best one is below the second.

    Of a single class none is uncertain.
    """
    if logits.shape[1] == 1:
        return -logits[:, 0].abs()
    best = logits.topk(2, dim=1).values
    return best[:, 1] - best[:, 0]


def pick_class(logits: Float[Tensor, "N _ P"], classes: Int[Tensor, "_"]) -> Float[Tensor, "N P"]:
    """Returns the logits of each region's class, or of the mask that the classes share.

    Raises:
        ValueError: the numbers of regions differ, or a class has no mask.
    """
    if len(classes) != len(logits):
        raise ValueError(f"Logits of {len(logits)} regions, but {len(classes)} classes.")
    if logits.shape[1] == 1:
        return logits[:, 0]
    if bool(((classes < 0) | (classes >= logits.shape[1])).any()):
        raise ValueError(
            f"Classes go up to {int(classes.max())}, but there are masks of {logits.shape[1]} "
            "classes."
        )
    return logits[torch.arange(len(classes), device=logits.device), classes]


@torch.no_grad()
def draw_uncertain_points(
    maps: Float[Tensor, "N _ _ _"],
    rate: Uncertainty,
    generator: torch.Generator,
    *,
    num_points: int,
    oversample_ratio: float,
    importance_sample_ratio: float,
) -> Float[Tensor, "N P 2"]:
    """Draws points where maps are uncertain, and some anywhere (Kirillov et al. 2020, 3.1).

    Of points drawn anywhere, `oversample_ratio` times as many as are needed, the most uncertain
    ones are taken; the rest is drawn anew. Uncertainty is that of the interpolated values: halfway
    between a cell inside of an object and one outside it is the largest, though neither cell is
    uncertain.

    Args:
        maps: logits of cells.
        rate: from logits at points to their uncertainty, the larger the more uncertain.
        generator: for sampling.
        num_points: points of each map.
        oversample_ratio: at least 1.
        importance_sample_ratio: the share of points that are chosen for their uncertainty.
    """
    num_uncertain = int(importance_sample_ratio * num_points)
    num_drawn = int(num_points * oversample_ratio)

    def draw(count: int) -> Tensor:
        device = generator.device
        return torch.rand(len(maps), count, 2, generator=generator, device=device).to(maps.device)

    candidates = draw(num_drawn)
    uncertainty = rate(sample_points(maps, candidates))
    best = uncertainty.topk(num_uncertain, dim=1).indices
    uncertain = candidates.gather(1, best[..., None].expand(-1, -1, 2))
    return torch.cat((uncertain, draw(num_points - num_uncertain)), dim=1)


def find_uncertain_cells(
    uncertainty: Float[Tensor, "N _"], size: tuple[int, int], num_points: int
) -> UncertainCells:
    """Returns the most uncertain cells of each map, as many as there are at most.

    Args:
        uncertainty: of the cells, row by row.
        size: height and width of the maps.
        num_points: cells of each map.
    """
    height, width = size
    indices = uncertainty.topk(min(num_points, height * width), dim=1).indices
    x = (indices % width + 0.5) / width
    y = (indices.div(width, rounding_mode="floor") + 0.5) / height
    return UncertainCells(torch.stack((x, y), dim=2).float(), indices)
