"""Which levels of the features a node works on."""

from composer.structures import TensorShape


def pick_levels(
    features_shape: dict[str, TensorShape], in_features: tuple[str, ...] | None
) -> tuple[str, ...]:
    """Returns the names of the levels to work on: those that are asked for, or all.

    Raises:
        ValueError: a level does not exist.
    """
    names = tuple(features_shape) if in_features is None else in_features
    missing = [name for name in names if name not in features_shape]
    if missing:
        raise ValueError(
            f"in_features: there is no level {', '.join(missing)}, only "
            f"{', '.join(features_shape)}."
        )
    return names
