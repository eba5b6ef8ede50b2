"""Reading specs and listing plugins goes without torch, and loads no code from a spec."""

import subprocess
import sys
import textwrap

import pytest

from composer.construction import check_source
from composer.errors import SpecError
from sample_nodes import NODES

HEAVY = ("torch", "torchvision", "numpy", "jaxtyping")


def run(code, folder):
    """Runs Python in a process of its own, and tells which heavy packages it imported."""
    ending = f"\nimport sys; print([name for name in {HEAVY!r} if name in sys.modules])"
    command = [sys.executable, "-c", textwrap.dedent(code) + ending]
    found = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert found.returncode == 0, found.stderr
    return found.stdout.splitlines()


@pytest.mark.parametrize(
    "code",
    [
        "import composer; dir(composer)",
        "from composer import SpecError, Spec, load_spec; load_spec('mask_rcnn_r50_fpn')",
        "from composer.registry import Registry as R; assert 'mask_head' in R.installed().names()",
        """
        from composer.blueprint import resolve_spec
        from composer.language import load_spec
        assert resolve_spec(load_spec('mask_rcnn_r50_fpn'))
        """,
    ],
)
def test_forms_and_listings_do_not_import_torch(code, tmp_path):
    assert run(code, tmp_path)[-1] == "[]"


def test_only_the_plugins_that_a_spec_uses_are_imported(tmp_path):
    found = run(
        """
        import sys
        from composer.construction import check_source
        check_source({"composer": 1, "inputs": {"batch": "ImageBatch"}, "nodes": {
            "p": {"uses": "preprocess", "inputs": {"batch": "batch"}}}})
        print(sorted({n.partition(".")[0] for n in sys.modules if n.startswith("composer_")}))
        """,
        tmp_path,
    )
    assert found[-2] == "['composer_images']"


def test_a_check_imports_neither_torchvision_nor_the_compiler_of_torch(tmp_path):
    found = run(
        """
        import sys
        from composer.construction import check_source
        check_source("mask_rcnn_r50_fpn")
        print([name for name in ("torchvision", "torch._dynamo") if name in sys.modules])
        """,
        tmp_path,
    )
    assert found[-2] == "[]"


def test_a_form_is_refused_without_torch(tmp_path):
    (tmp_path / "bad.yaml").write_text(
        "composer: 1\nnodes: {a: {uses: mask_hed, inputs: {x: y}}}\n"
    )
    found = run(
        """
        from composer.errors import SpecError
        from composer.blueprint import resolve_spec
        from composer.language import load_spec
        try:
            resolve_spec(load_spec("bad.yaml"))
        except SpecError as error:
            print(len(error.problems))
        """,
        tmp_path,
    )
    assert found == ["2", "[]"]


@pytest.mark.parametrize("place", ["uses: %s", "uses: shift, with: {by: %s}", "spec: %s"])
@pytest.mark.parametrize(
    "attack",
    [
        "!!python/object/apply:os.system ['touch trap']",
        "!!python/object/new:subprocess.run [['touch', 'trap']]",
        '\'__import__("os").system("touch trap")\'',
        '\'${__import__("os").system("touch trap")}\'',
        "'{{ 1 + 1 }}'",
    ],
)
def test_loading_executes_nothing_that_a_spec_says(place, attack, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    text = f"composer: 1\nnodes: {{a: {{{place % attack}}}}}\n"
    (tmp_path / "spec.yaml").write_text(text)
    with pytest.raises(SpecError):
        check_source("spec.yaml", nodes=NODES)
    assert not (tmp_path / "trap").exists()


@pytest.mark.slow
def test_a_prediction_imports_neither_torchvision_nor_the_compiler_of_torch(tmp_path):
    found = run(
        """
        import sys
        from composer.cli.main import main
        assert main(["predict", "--no-visualizations"]) == 0
        heavy = ["torchvision", "torch._dynamo", "sympy", "triton", "matplotlib", "pandas"]
        heavy += [] if "numba" in sys.modules else ["scipy"]  # of an extra that uses it
        print([name for name in heavy if name in sys.modules])
        """,
        tmp_path,
    )
    assert found[-2] == "[]"
