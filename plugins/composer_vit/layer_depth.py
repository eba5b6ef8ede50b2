"""The distance of a transformer's parameters from its output, in layers."""

_BEFORE_BLOCKS = ("patch_embed", "pos_embed")


def find_layer_depth(name: str, num_blocks: int) -> int:
    """Returns the number of layers from a parameter to the output, for layer-wise decay.

    Args:
        name: name of the parameter: in `blocks.N`, in what comes before the blocks, or after them.
        num_blocks: number of blocks.
    """
    kind, _, rest = name.partition(".")
    if kind == "blocks":
        return num_blocks - int(rest.partition(".")[0])
    return num_blocks + 1 if kind in _BEFORE_BLOCKS else 0
