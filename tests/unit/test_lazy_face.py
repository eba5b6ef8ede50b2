import importlib
import pkgutil
import subprocess
import sys

import pytest

from composer.lazy_face import lazy_face

FACES = ["composer.data", "composer.experiment", "composer.node", "composer.structures"]


@pytest.mark.parametrize("name", FACES)
def test_a_face_has_every_name_that_it_lists(name):
    face = importlib.import_module(name)
    find, list_names = lazy_face(name)
    assert set(face.__all__) <= set(list_names())
    for one in face.__all__:
        assert find(one) is getattr(face, one)


@pytest.mark.parametrize("name", FACES)
def test_no_name_of_a_face_is_that_of_a_module_of_it(name):
    face = importlib.import_module(name)
    assert not set(face.__all__) & {one.name for one in pkgutil.iter_modules(face.__path__)}


@pytest.mark.parametrize("name", FACES)
def test_other_names_are_no_attributes(name):
    face = importlib.import_module(name)
    with pytest.raises(AttributeError, match=f"module '{name}' has no attribute 'nothing'"):
        _ = face.nothing
    assert "annotations" not in dir(face)


def test_faces_import_nothing_before_they_are_asked():
    program = (
        f"import sys, {', '.join(FACES)}\n"
        "heavy = {'torch', 'numpy', 'pydantic', 'PIL'} & sys.modules.keys()\n"
        "assert not heavy, heavy"
    )
    subprocess.run([sys.executable, "-c", program], check=True)


def test_a_package_without_its_source_says_so(monkeypatch):
    import composer.data

    class Loader:
        def get_source(self, name):
            return None

    monkeypatch.setattr(composer.data.__spec__, "loader", Loader())
    with pytest.raises(ImportError, match=r"source of 'composer\.data' is missing"):
        lazy_face("composer.data")


def test_structures_are_pytrees_as_soon_as_there_is_one():
    program = (
        "import torch.utils._pytree as pytree\n"
        "from composer.structures import encode_mask, Boxes\n"
        "boxes = Boxes([[1.0, 2.0, 3.0, 4.0]])\n"
        "assert pytree.tree_leaves(boxes) == [boxes.tensor]\n"
    )
    subprocess.run([sys.executable, "-c", program], check=True)
