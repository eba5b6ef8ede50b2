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
    return models_in(specs_directory())


def models_in(folder: Path) -> dict[str, Path]:
    """The models of a folder of specs by name, sorted; what is below `blocks/` is left out."""
    names = {
        path.relative_to(folder).with_suffix("").as_posix(): path for path in folder.rglob("*.yaml")
    }
    return {name: names[name] for name in sorted(names) if not name.startswith("blocks/")}
