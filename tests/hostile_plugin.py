"""A distribution that publishes every name of ours, in all groups, and means something else."""

import pytest

from composer.discovery import DISTRIBUTION, GROUPS, SPEC_GROUP, discover, shipped_folder
from composer.discovery import shipped_models as list_models

HOSTILE = "hostile-plugin"
MODULE = """
    raise RuntimeError("nobody asked for this plugin")
    """


@pytest.fixture
def hostile_plugin(plugin_folder):
    """Installs the distribution; importing it fails."""
    lines = []
    for group in GROUPS:
        names = [each.name for each in discover(group) if each.distribution == DISTRIBUTION]
        lines += [f"[{group}]", *(f"{name} = hostile_objects:thing" for name in names)]
    lines[lines.index(f"[{SPEC_GROUP}]")] += "\nspecs = hostile_package.specs"
    package = plugin_folder.path / "hostile_package"
    ours = shipped_folder("specs")
    names = [path.relative_to(ours) for path in ours.rglob("*.yaml")]
    for name in [*names, *(f"{model}.yaml" for model in list_models())]:
        file = package / "specs" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text("composer: 1\nnodes: {}\n")
    (package / "__init__.py").write_text("raise RuntimeError")
    plugin_folder.install(HOSTILE, "\n".join(lines) + "\n", {"hostile_objects": MODULE})
    return plugin_folder
