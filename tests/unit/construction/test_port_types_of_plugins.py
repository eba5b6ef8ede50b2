"""Port types of two plugins with one name are different types."""

import pytest

TYPES = """
    from typing import Annotated

    from torch import Tensor

    from composer.structures import PortType

    Points = Annotated[Tensor, PortType("Points", "{meaning}")]
    Features = Annotated[Tensor, PortType("Features", "{meaning}")]


    class Scores:
        pass


    def give(x: Tensor) -> Points:
        return x


    def take(x: Points) -> Points:
        return x


    def give_features(x: Tensor) -> Features:
        return x


    def give_scores(x: Tensor) -> list[Scores]:
        return [x]


    def take_scores(x: list[Scores]) -> list[Scores]:
        return x
    """

ENTRIES = """
    [composer.nodes]
    give = {module}:give
    take = {module}:take
    give_features = {module}:give_features
    give_scores = {module}:give_scores
    take_scores = {module}:take_scores
    [composer.types]
    Points = {module}:Points
    """

SPEC = """
    composer: 1
    inputs: {{x: any}}
    nodes:
      a: {{uses: {give}, inputs: {{x: x}}}}
      b: {{uses: {take}, inputs: {{x: a}}}}
    """


@pytest.fixture(autouse=True)
def _plugins(plugin_folder):
    for name, meaning in (("lidar", "metres"), ("clicks", "pixels")):
        module = f"composer_{name}"
        texts = {module: TYPES.replace("{meaning}", meaning)}
        plugin_folder.install(f"composer-{name}", ENTRIES.format(module=module), texts)


def write(give, take):
    return SPEC.format(give=give, take=take)


def test_types_of_one_plugin_fit(spec_folder):
    assert spec_folder.check(write("composer-lidar/give", "composer-lidar/take"))


@pytest.mark.parametrize(
    ("give", "take", "message"),
    [
        (
            "composer-lidar/give",
            "composer-clicks/take",
            "node 'b': input 'x' expects composer-clicks/Points, but 'a' returns "
            "composer-lidar/Points.",
        ),
        (
            "composer-lidar/give_scores",
            "composer-clicks/take_scores",
            "node 'b': input 'x' expects composer-clicks/Scores per image, but 'a' returns "
            "composer-lidar/Scores per image.",
        ),
    ],
)
def test_types_of_two_plugins_do_not_fit_and_the_message_names_both(
    spec_folder, give, take, message
):
    assert spec_folder.problem(write(give, take)).message == message


def test_a_type_called_like_one_of_ours_is_never_ours(spec_folder):
    text = write("composer-lidar/give_features", "fpn").replace("{x: a}", "{features: a}")
    problem = spec_folder.problem(text)
    assert "expects Features, but 'a' returns composer-lidar/Features." in problem.message


def test_an_input_of_a_type_that_two_publish_has_to_be_qualified(spec_folder):
    text = """
        composer: 1
        inputs: {{x: {type}}}
        nodes:
          b: {{uses: composer-clicks/take, inputs: {{x: x}}}}
        """
    bare = spec_folder.problem(text.format(type="Points"))
    assert "port type 'Points' is published by" in bare.message
    assert "write 'composer-clicks/Points' or 'composer-lidar/Points'" in bare.message
    other = spec_folder.problem(text.format(type="composer-lidar/Points"))
    assert "expects composer-clicks/Points, but 'x' is composer-lidar/Points." in other.message
    spec = spec_folder.check(text.format(type="composer-clicks/Points")).spec
    assert spec.document["inputs"]["x"] == "composer-clicks/Points"


def test_the_description_of_a_node_type_names_who_defines_a_type_called_like_ours(capsys):
    from composer.cli.main import main

    assert main(["nodes", "composer-lidar/give_features"]) == 0
    assert "output  composer-lidar/Features  metres" in capsys.readouterr().out
