"""timm's batch normalisations that activate their output: frozen, and as two modules.

Legend: N images, C channels.
"""

from jaxtyping import Float
from timm.layers.norm_act import BatchNormAct2d
from torch import Tensor, nn

from composer.layers import FrozenBatchNorm2d, freeze_batch_norm


class FrozenBatchNormAct2d(FrozenBatchNorm2d):
    """A frozen batch normalisation with the activation of the one that it was.

    Args:
        norm: the normalisation.
    """

    def __init__(self, norm: BatchNormAct2d) -> None:
        super().__init__(norm.num_features, norm.eps)
        self.num_batches_tracked = norm.num_batches_tracked
        state = norm.state_dict()
        self.load_state_dict({key: state[key] for key in self.state_dict() if key in state})
        self.drop, self.act = norm.drop, norm.act
        self.to(norm.weight.device)

    def forward(self, x: Float[Tensor, "N C *_"]) -> Float[Tensor, "N C *_"]:
        """Returns the normalised and activated map."""
        activated: Tensor = self.act(self.drop(super().forward(x)))
        return activated


def freeze_norms(network: nn.Module) -> None:
    """Freezes the batch normalisations of a network in place; activations stay."""
    for name, child in list(network.named_children()):
        if isinstance(child, BatchNormAct2d):
            network.add_module(name, FrozenBatchNormAct2d(child))
        elif isinstance(child, nn.BatchNorm2d):
            network.add_module(name, freeze_batch_norm(child))
        else:
            freeze_norms(child)


def split_norms(network: nn.Module) -> None:
    """Puts in place of each normalisation that activates a plain one and what follows it."""
    for name, child in list(network.named_children()):
        if isinstance(child, (BatchNormAct2d, FrozenBatchNormAct2d)):
            parts = (_take_norm(child), child.drop, child.act)
            network.add_module(name, nn.Sequential(*parts).train(child.training))
        else:
            split_norms(child)


def _take_norm(activated: BatchNormAct2d | FrozenBatchNormAct2d) -> nn.Module:
    """A plain normalisation of the same tensors."""
    if isinstance(activated, FrozenBatchNorm2d):
        norm: nn.Module = FrozenBatchNorm2d(activated.num_features, activated.eps)
    else:
        norm = nn.BatchNorm2d(activated.num_features, activated.eps, affine=activated.affine)
    norm._parameters = dict(activated._parameters)
    norm._buffers = dict(activated._buffers)
    return norm.train(activated.training)
