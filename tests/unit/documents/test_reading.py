"""Documents other than specs are read with places, params and all problems at once."""

from pathlib import Path
from typing import Annotated, Literal

import pytest
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationInfo

from composer.documents import FOLDER, ProblemLog, find_beside, read_document, read_file
from composer.errors import SpecError


class Form(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


class Step(Form):
    name: str
    size: tuple[int, int] | Literal["auto"] = "auto"


class Other(Form):
    count: int


def _in_folder(path: Path, info: ValidationInfo) -> Path:
    return find_beside(path, info.context[FOLDER])


class Recipe(Form):
    rate: float = Field(gt=0)
    steps: list[Step] = []
    by_name: dict[str, Step | Other] = {}
    file: Annotated[Path, AfterValidator(_in_folder)] | None = None


@pytest.fixture
def write(tmp_path):
    def write(text):
        path = tmp_path / "recipe.yaml"
        path.write_text(text)
        return path

    return write


def problems(source, **options):
    with pytest.raises(SpecError) as caught:
        read_document(source, Recipe, **options)
    return [
        (problem.place.line, problem.message, problem.hint) for problem in caught.value.problems
    ]


def test_params_are_put_in_place_and_set(write):
    path = write("params: {rate: 0.5, n: 3}\nrate: ${rate}\nsteps: [{name: 's${n}', size: [1, 2]}]")
    assert read_document(path, Recipe).rate == 0.5
    recipe = read_document(path, Recipe, set=["rate=2", "n=7"])
    assert recipe.rate == 2
    assert recipe.steps == [Step(name="s7", size=(1, 2))]


def test_values_are_read_like_files():
    assert read_document({"rate": 1, "by_name": {"a": {"count": 3}}}, Recipe).by_name == {
        "a": Other(count=3)
    }


def test_all_problems_are_told_at_their_places(write):
    path = write(
        "rate: -1\n"
        "stps: []\n"
        "steps:\n"
        "  - {name: 3}\n"
        "  - {size: [1]}\n"
        "  - {name: a, sise: auto}\n"
        "  - {name: a, size: atuo}\n"
        "  - word\n"
    )
    assert problems(path) == [
        (1, "'rate': should be greater than 0, not -1", ""),
        (2, "unknown key 'stps'", "Did you mean 'steps'?"),
        (4, "'steps[0].name': should be a text, not 3", ""),
        (5, "the key 'name' is missing in 'steps[1]'", ""),
        (5, "'steps[1].size': an item 2 is missing", ""),
        (6, "unknown key 'sise'", "Did you mean 'size'?"),
        (7, "'steps[3].size': should be a list or 'auto', not 'atuo'", "Did you mean 'auto'?"),
        (8, "'steps[4]': should be a mapping, not 'word'", ""),
    ]


def test_a_value_that_no_param_gives_is_reported_once(write):
    assert problems(write("params: {rate: 1}\nrate: ${raet}\n")) == [
        (2, "unknown param 'raet'", "Did you mean 'rate'?")
    ]


def test_where_a_param_comes_from_is_reported(write):
    path = write("params:\n  rate: fast\nrate: ${rate}\n")
    with pytest.raises(SpecError, match=r"The value comes from .*recipe\.yaml:2:9"):
        read_document(path, Recipe)


def test_settings_have_problems_of_their_own(write):
    assert problems(write("rate: 1"), set=["speed=1", "word"]) == [
        (0, "a setting is ADDRESS=VALUE", ""),
        (
            0,
            "there is nothing to set at 'speed'",
            "Addresses begin with: by_name, file, rate, steps.",
        ),
    ]


def test_keys_of_several_forms_are_told_where_none_fits(write):
    (found,) = problems(write("rate: 1\nby_name: {a: {cuont: 3}}\n"))[-1:]
    assert found == (2, "unknown key 'cuont'", "Did you mean 'count'?")


@pytest.mark.parametrize("text", ["[1, 2]", "word"])
def test_a_document_is_a_mapping(write, text):
    assert problems(write(text))[0][1] == (
        "a mapping is expected, with the keys rate, steps, by_name, file"
    )


def test_files_that_cannot_be_read_are_reported(tmp_path):
    (tmp_path / "bytes.yaml").write_bytes(b"a: \xff\xfe")
    with pytest.raises(SpecError, match=r"No\s+such file"):
        read_document(tmp_path / "nowhere.yaml", Recipe)
    with pytest.raises(SpecError, match="not UTF-8"):
        read_document(tmp_path / "bytes.yaml", Recipe)


def test_paths_are_beside_the_document_or_as_written(write, tmp_path, monkeypatch):
    path = write("rate: 1\nfile: data.json\n")
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    monkeypatch.chdir(elsewhere)
    assert read_document(path, Recipe).file == tmp_path / "data.json"
    (elsewhere / "data.json").touch()
    assert read_document(path, Recipe).file == Path("data.json")
    (tmp_path / "data.json").touch()
    assert read_document(path, Recipe).file == tmp_path / "data.json"
    assert read_document({"rate": 1, "file": "x"}, Recipe, folder="there").file == Path("there/x")


@pytest.mark.parametrize("content", ["root:x:0:0 secret\n- [", "user: secret\n", "[secret]"])
def test_a_file_that_is_no_document_is_not_quoted(content, tmp_path):
    (tmp_path / "passwd").write_text(content)
    with pytest.raises(SpecError, match=r"is\s+no\s+document,\s+or\s+cannot\s+be\s+read") as caught:
        read_file(tmp_path / "passwd", ProblemLog())
    assert "secret" not in str(caught.value)


def test_a_document_of_another_suffix_is_read(tmp_path):
    (tmp_path / "spec.txt").write_text("composer: 1\nname: a\n")
    assert read_file(tmp_path / "spec.txt", ProblemLog()).plain()["name"] == "a"
