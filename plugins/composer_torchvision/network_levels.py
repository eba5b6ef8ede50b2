"""The levels of a pyramid inside a network that was made to classify images.

A level is the last map that the network has at one stride, in units of its parts: a stage, or a
block of a sequence, never something inside a block.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.func import functional_call

from composer.structures import TensorShape

# Height and width of the image that is looked at. Unequal ones tell rows from columns, and a map
# from what was pooled over the whole image.
_PROBE = (224, 256)
_CONTAINERS = (nn.Sequential, nn.ModuleList, nn.ModuleDict)


class NetworkLevel(NamedTuple):
    """The place of a level in a network.

    Args:
        part: path of the module that returns it.
        shape: its channels and its stride.
        channels_last: whether the channels are the last dimension.
    """

    part: str
    shape: TensorShape
    channels_last: bool


def find_network_levels(
    network: nn.Module, chosen: Mapping[str, str] | None = None
) -> dict[str, NetworkLevel]:
    """Finds a network's levels by running it on the meta device.

    Args:
        network: takes images of three channels. Its parameters are only asked for their shapes.
        chosen: for levels that are to come from elsewhere, the path of the module of each.

    Returns:
        The levels by name, finest first: c2 has a stride of 4, c3 of 8, as in Lin et al. 2017.
        Levels of one stride are in the order of computation.

    Raises:
        ValueError: the network takes images of one size only, or a chosen module does not exist
            or returns no level.
    """
    chosen = chosen or {}
    own = set(list_parts(network))
    maps = _find_maps(network, own.union(chosen.values()))
    by_stride = {level.shape.stride or 0: level for level in maps.values() if level.part in own}
    levels = {f"c{stride.bit_length() - 1}": level for stride, level in by_stride.items()}
    for name, part in chosen.items():
        if part not in maps:
            raise ValueError(f"'{part}' is no part of the network that returns a level.")
        levels[name] = maps[part]
    order = list(maps)
    places = {name: (level.shape.stride, order.index(level.part)) for name, level in levels.items()}
    return {name: levels[name] for name in sorted(levels, key=lambda name: places[name])}


def list_parts(network: nn.Module) -> Iterator[str]:
    """Yields the paths of the modules that a network consists of, and of its sequences' members."""
    for name, child in network.named_children():
        yield name
        if isinstance(child, _CONTAINERS):
            yield from (f"{name}.{member}" for member, _ in child.named_children())


def _find_maps(network: nn.Module, parts: Iterable[str]) -> dict[str, NetworkLevel]:
    """Returns the outputs of parts of a network, in the order of computation."""
    try:
        outputs = _run(network, frozenset(parts))
    except Exception as error:
        height, width = _PROBE
        raise ValueError(
            f"The network cannot be run on an image of {height} x {width} pixels, so that its "
            f"levels could be found: {error}"
        ) from error
    levels = (_read_level(part, output) for part, output in outputs)
    return {level.part: level for level in levels if level is not None}


def _run(network: nn.Module, parts: Collection[str]) -> list[tuple[str, Tensor]]:
    outputs: list[tuple[str, Tensor]] = []

    def note(part: str, output: object) -> None:
        if isinstance(output, Tensor) and output.ndim == 4:
            outputs.append((part, output))

    handles = [
        module.register_forward_hook(lambda _module, _args, output, path=path: note(path, output))
        for path, module in network.named_modules()
        if path in parts
    ]
    tensors = (*network.named_parameters(), *network.named_buffers())
    was_training = network.training
    try:
        network.eval()
        with torch.no_grad(), torch.device("meta"):
            state = {name: tensor.to("meta") for name, tensor in tensors}
            functional_call(network, state, (torch.empty(1, 3, *_PROBE),))
    finally:
        network.train(was_training)
        for handle in handles:
            handle.remove()
    return outputs


def _read_level(part: str, output: Tensor) -> NetworkLevel | None:
    """Returns the shape of a map; None if it does not divide the image by one power of two."""
    _, *sides = output.shape
    for channels_last, (height, width), channels in (
        (False, sides[1:], sides[0]),
        (True, sides[:2], sides[2]),
    ):
        stride = _PROBE[0] // max(height, 1)
        is_power = stride > 0 and stride & (stride - 1) == 0
        if is_power and (height * stride, width * stride) == _PROBE:
            return NetworkLevel(part, TensorShape(channels, stride=stride), channels_last)
    return None
