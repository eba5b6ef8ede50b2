"""What a spec may refer to, and that files which are no specs are not quoted."""

import pytest

from composer.errors import SpecError
from composer.language import load_spec

SPEC = "composer: 1\ninputs: {x: any}\nnodes: {a: {uses: shift, inputs: {x: x}}}\noutputs: {y: a}\n"
SECRET = "root:x:0:0:secret\nnobody: [the, password: is\n"
NESTED = "composer: 1\ninputs: {x: any}\nnodes: {n: {spec: %s, inputs: {x: x}}}\n"
EXTENDED = "composer: 1\nextends: %s\n"


@pytest.fixture
def project(tmp_path, monkeypatch):
    """A folder with a folder of specs, beside another one with a secret."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "project" / "specs").mkdir(parents=True)
    (tmp_path / "elsewhere").mkdir()
    return tmp_path


def problem(file):
    with pytest.raises(SpecError) as caught:
        load_spec(file)
    return str(caught.value)


@pytest.mark.parametrize("referring", [NESTED, EXTENDED])
@pytest.mark.parametrize(
    ("secret", "content"),
    [
        ("elsewhere/passwd", SECRET),
        ("elsewhere/config.yaml", SECRET),
        ("elsewhere/config.yaml", "apiVersion: v1\nsecret: the password is\n"),
        ("elsewhere/config.yaml", "- secret\n"),
        ("elsewhere/config.yaml", "secret: !secret 5\nsecret: 6\n"),
        ("project/specs/.env", SECRET),
    ],
)
@pytest.mark.parametrize("is_absolute", [True, False])
def test_a_file_that_is_no_spec_is_not_quoted(referring, secret, content, is_absolute, project):
    (project / secret).write_text(content)
    name = project / secret if is_absolute else f"../../{secret}"
    (project / "project/specs/mine.yaml").write_text(referring % name)
    message = problem("project/specs/mine.yaml")
    assert "is no spec, or cannot be read" in message
    assert "mine.yaml:2" in message or "mine.yaml:3" in message
    assert not any(word in message.replace(secret, "") for word in ("secret", "password", "root:x"))


def test_a_link_to_a_file_elsewhere_is_not_quoted_either(project):
    (project / "elsewhere/passwd").write_text(SECRET)
    (project / "project/specs/base.yaml").symlink_to(project / "elsewhere/passwd")
    (project / "project/specs/mine.yaml").write_text(EXTENDED % "base.yaml")
    assert "root:x" not in problem("project/specs/mine.yaml")


def test_a_spec_elsewhere_may_be_referred_to_by_a_spec_of_the_user(project):
    (project / "elsewhere/base.yaml").write_text(SPEC)
    (project / "project/specs/mine.yaml").write_text(EXTENDED % "../../elsewhere/base.yaml")
    assert "a" in load_spec("project/specs/mine.yaml").graph.nodes


def test_a_mistake_in_a_file_beside_the_spec_is_shown(project):
    (project / "project/specs/base.yaml").write_text("composer: 1\nnodes: [\n")
    (project / "project/specs/mine.yaml").write_text(EXTENDED % "base.yaml")
    assert "base.yaml:3:1: not valid YAML" in problem("project/specs/mine.yaml")


@pytest.fixture
def published(plugin_folder, project):
    """Installs a plugin with one spec."""

    def install(text):
        folder = plugin_folder.path / "some_plugin" / "specs"
        folder.mkdir(parents=True)
        (folder / "detector.yaml").write_text(text)
        (folder / "own.yaml").write_text(SPEC)
        (folder.parent / "__init__.py").touch()
        plugin_folder.install("some-plugin", "[composer.specs]\nspecs = some_plugin.specs\n")

    return install


@pytest.mark.parametrize("referring", [NESTED, EXTENDED])
def test_a_published_spec_refers_to_published_specs_only(referring, published, project):
    (project / "elsewhere/base.yaml").write_text(SPEC)
    published(referring % (project / "elsewhere/base.yaml"))
    assert "leads out of the folder of the published spec" in " ".join(problem("detector").split())


def test_a_published_spec_names_no_weights_elsewhere(published, project):
    (project / "elsewhere/weights.pth").touch()
    published(SPEC + f"weights: {project}/elsewhere/weights.pth\n")
    assert "leads out of the folder of the published spec" in " ".join(problem("detector").split())


def test_a_published_spec_refers_to_its_own_folder(published):
    published(EXTENDED % "own.yaml")
    assert "a" in load_spec("detector").graph.nodes
