"""How weights start. All draw from torch's global generator, and set biases to zero."""

from torch import nn

LinearMap = nn.Conv2d | nn.ConvTranspose2d | nn.Linear


def init_msra(module: LinearMap) -> None:
    """Draws normal weights that keep the variance through a ReLU, backwards.

    He et al. 2015, counted over the outputs.
    """
    nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
    _clear_bias(module)


def init_xavier(module: LinearMap) -> None:
    """Draws uniform weights within the square root of 3 over the number of inputs.

    This is Caffe's reading of Glorot and Bengio 2010.
    """
    nn.init.kaiming_uniform_(module.weight, a=1)
    _clear_bias(module)


def init_normal(module: LinearMap, std: float) -> None:
    """Draws normal weights of a given standard deviation."""
    nn.init.normal_(module.weight, std=std)
    _clear_bias(module)


def _clear_bias(module: LinearMap) -> None:
    if module.bias is not None:
        nn.init.zeros_(module.bias)
