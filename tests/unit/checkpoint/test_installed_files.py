import sys

import pytest
import torch

from composer.checkpoint import read_checkpoint
from composer.checkpoint.installed_files import find_installed_file, is_installed_file
from composer.errors import CheckpointError


@pytest.fixture
def package(tmp_path, monkeypatch):
    folder = tmp_path / "site" / "weights_of_somebody"
    (folder / "models").mkdir(parents=True)
    (folder / "__init__.py").write_text("raise SystemExit('this must not run')\n")
    torch.save({"fc.weight": torch.ones(2)}, folder / "models" / "small.pth")
    torch.save({}, tmp_path / "site" / "outside.pth")
    monkeypatch.syspath_prepend(str(tmp_path / "site"))
    return folder


def test_a_file_of_a_package_is_read_and_the_package_is_not_imported(package):
    checkpoint = read_checkpoint("package:weights_of_somebody/models/small.pth")
    assert list(checkpoint.tensors) == ["fc.weight"]
    assert checkpoint.path == package / "models" / "small.pth"
    assert "weights_of_somebody" not in sys.modules


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("package:", "is written 'package:name_of_package/path/of/file'"),
        ("package:weights_of_somebody", "is written 'package:name_of_package/path/of/file'"),
        ("package:../site/outside.pth", "is written 'package:name_of_package/path/of/file'"),
        ("package:weights_of_nobody/a.pth", "'weights_of_nobody' is not installed here"),
        ("package:this/a.pth", "'this' is not installed here"),
        ("package:weights_of_somebody/a.pth", "'weights_of_somebody' has no such file"),
        ("package:weights_of_somebody/../outside.pth", "leads out of the package"),
        ("package:weights_of_somebody//etc/hostname", "has no such file"),
    ],
)
def test_what_is_no_file_of_a_package_is_refused(package, path, message):
    with pytest.raises(CheckpointError, match=message):
        find_installed_file(path)


def test_other_paths_are_left_alone(tmp_path):
    assert not is_installed_file(tmp_path / "package:x")
    assert not is_installed_file("model.pth")
