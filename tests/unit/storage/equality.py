"""Whether two values that flow through a graph are the same, down to dtypes and classes."""

import numpy as np
import torch

from composer.storage.structure_forms import find_form


def equal(left, right):
    """Tells whether two values are of one class and hold the same."""
    if isinstance(left, tuple) and hasattr(left, "_fields"):
        same_kind = type(left).__name__ == type(right).__name__ and left._fields == right._fields
    else:
        same_kind = type(left) is type(right)
    if not same_kind:
        return False
    if isinstance(left, torch.Tensor):
        return equal(left.numpy(), right.numpy())
    if isinstance(left, np.ndarray):
        same_shape = left.shape == right.shape and left.dtype == right.dtype
        return same_shape and left.tobytes() == right.tobytes()
    if (form := find_form(left)) is not None:
        return equal(dict(form.take_apart(left)), dict(form.take_apart(right)))
    if isinstance(left, dict):
        return list(left) == list(right) and all(equal(left[key], right[key]) for key in left)
    if isinstance(left, (list, tuple)):
        return len(left) == len(right) and all(map(equal, left, right))
    return left == right or (left != left and right != right)
