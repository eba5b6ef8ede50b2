"""Folding of the normalisations of transformers' convolutional networks."""

import torch
from torch import nn

from composer.layers import fold_norms, fold_observed

_EXAMPLE_SIDE = 64  # of images that a network is run on to see what follows what


def fold_network(module: nn.Module) -> nn.Module:
    """Returns a node with a network of images, called `network`, in the form for inference.

    Args:
        module: the node's module. Its network takes pixels, N x C x H x W.
    """
    network = module.get_submodule("network")
    first = next((each for each in network.modules() if isinstance(each, nn.Conv2d)), None)
    if first is not None:
        size = (1, first.in_channels, _EXAMPLE_SIDE, _EXAMPLE_SIDE)
        pixels = torch.zeros(size, device=first.weight.device)
        fold_observed(network, lambda: network(pixels))
    return fold_norms(module)
