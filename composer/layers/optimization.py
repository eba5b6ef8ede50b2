"""The contract of optimised inference: what a node type says of its weights and ports."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from torch import nn


@dataclass(frozen=True)
class Optimization:
    """How a node may be changed where it is only run, not trained.

    A node type has it as a class method `optimization()` without parameters, which returns one of
    these; a function as an attribute `optimization`, which is one. A node type without it is run as
    it is, in float32.

    Args:
        fold: makes a module with the same forward and the same outputs that is faster in
            inference. It gets a copy of the node's module, in inference mode, which shares its
            tensors with it: parts of the copy may be replaced, tensors are not to be written to.
            `fold_norms` is one for modules made of `NormConv2d` and torch's layers.
        channels_last: whether weights and maps of four dimensions may be laid out with the
            channels last.
        lower_precision: whether its tensors may be of a lower precision (bfloat16). Boxes,
            instances and other structures than `ImageList` are always left as they are.
        any_precision: whether it takes tensors of any precision as they come, and its own weights
            stay as they are: it reads sizes only, or gives what it takes.
        float32_inputs: input ports whose tensors are to be float32 all the same.
        float32_outputs: output ports whose tensors are to be float32 all the same; that of a
            single output is called `output`.
        dense: whether it maps tensors to tensors without a loop over data, so that an engine may
            take it.
        train_channels_last: changes the node's own module where a graph is trained with channels
            last (`training.channels_last`), so that it is faster with such maps. Outputs and
            gradients may differ by rounding, state dicts may not.
        note: what `fold` does where it folds no layers, in a few words, for the one line about an
            optimised graph.
    """

    fold: Callable[[nn.Module], nn.Module] | None = None
    channels_last: bool = False
    lower_precision: bool = False
    any_precision: bool = False
    float32_inputs: tuple[str, ...] = ()
    float32_outputs: tuple[str, ...] = ()
    dense: bool = False
    train_channels_last: Callable[[nn.Module], None] | None = None
    note: str = ""

    @classmethod
    def of_dense(
        cls,
        fold: Callable[[nn.Module], nn.Module] | None,
        float32_outputs: tuple[str, ...] = (),
    ) -> Optimization:
        """That of a network of convolutions or attention, which may be changed in every way.

        Args:
            fold: as above.
            float32_outputs: as above; those that thresholds and exponentials are taken of.
        """
        return cls(
            fold=fold,
            channels_last=True,
            lower_precision=True,
            float32_outputs=float32_outputs,
            dense=True,
        )
