"""timm, if it is installed."""

try:
    import timm
except ImportError as error:
    raise ImportError(
        f"timm cannot be imported ({error}); install it with "
        "`pip install 'detection-composer[timm]'`"
    ) from error

__all__ = ["timm"]
