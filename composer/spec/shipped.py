"""The specs that come with the package, found by name."""

from __future__ import annotations

from pathlib import Path

_PACKAGE = Path(__file__).resolve().parent.parent


def specs_directory() -> Path:
    """The directory of shipped specs: inside an installed wheel, else in the source tree."""
    installed = _PACKAGE / "_specs"
    return installed if installed.is_dir() else _PACKAGE.parent / "specs"


def shipped_specs() -> dict[str, Path]:
    """The shipped models by name (`mask_rcnn_r50_fpn`, `torchvision/fcos`); blocks are left out."""
    root = specs_directory()
    names = {
        path.relative_to(root).with_suffix("").as_posix(): path for path in root.rglob("*.yaml")
    }
    return {name: names[name] for name in sorted(names) if not name.startswith("blocks/")}
