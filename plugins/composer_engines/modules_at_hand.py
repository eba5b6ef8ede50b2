"""Whether libraries are installed, without an import of them."""

from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec


def find_missing_modules(*names: str) -> str:
    """Says which of some modules are not installed; an empty text if all are.

    Args:
        names: names of modules.
    """
    missing = [name for name in names if find_spec(name) is None]
    return f"there is no module {', '.join(missing)}" if missing else ""


def describe_versions(*names: str) -> str:
    """Versions of distributions, in a row.

    Args:
        names: names of distributions.
    """
    return " ".join(f"{name} {_find_version(name)}" for name in names)


def _find_version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "unknown"
