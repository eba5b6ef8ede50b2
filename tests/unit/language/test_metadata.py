"""`metadata` of a spec: its form, its merging, and putting others in its place."""

import pytest

from composer import SpecError
from composer.language import SpecMetadata, load_spec
from spec_folder import marked

HEAD = "composer: 1\ninputs: {x: any}\nnodes: {a: {uses: shift, inputs: {x: x}}}\n"
NAMED = HEAD + "metadata: {thing_classes: [cat, dog], thing_colors: [[0, 0, 255], [9, 9, 9]]}\n"


def test_metadata_are_read_and_are_empty_by_default(spec_folder):
    spec = spec_folder.check(NAMED).spec
    assert spec.metadata.thing_classes == ("cat", "dog")
    assert spec.metadata.thing_colors == ((0, 0, 255), (9, 9, 9))
    assert spec.metadata.stuff_classes == spec.metadata.keypoint_flip_pairs == ()
    assert spec_folder.check(HEAD).spec.metadata == SpecMetadata()


def test_metadata_merge_by_key_and_take_params(spec_folder):
    spec_folder.write("base.yaml", NAMED + "params: {names: [a, b]}\n")
    over = "composer: 1\nextends: base.yaml\nmetadata: {thing_classes: ${names}}\n"
    metadata = spec_folder.check(over).spec.metadata
    assert metadata.thing_classes == ("a", "b")
    assert len(metadata.thing_colors) == 2
    deleted = "composer: 1\nextends: base.yaml\nmetadata: {thing_colors: null}\n"
    assert spec_folder.check(deleted).spec.metadata == SpecMetadata(thing_classes=("cat", "dog"))


def test_metadata_of_a_nested_spec_are_not_those_of_the_whole(spec_folder):
    spec_folder.write("inner.yaml", NAMED)
    whole = "composer: 1\ninputs: {x: any}\nnodes: {n: {spec: inner.yaml, inputs: {x: x}}}\n"
    assert spec_folder.check(whole).spec.metadata == SpecMetadata()


@pytest.mark.parametrize(
    ("metadata", "place", "message"),
    [
        ("{thing_clases: []}", "thing_clases", "unknown key 'thing_clases'"),
        (
            "{thing_classes: [a, true]}",
            "true",
            "'thing_classes[1]': true is no name; in quotes it is one: 'true'",
        ),
        ("{thing_classes: person}", "person", "'thing_classes': should be a list, not 'person'"),
        (
            "{thing_classes: [a], thing_colors: [[0, 0]]}",
            "[0, 0]",
            "'thing_colors[0]': a colour is a list of three numbers: "
            "red, green and blue from 0 to 255",
        ),
        (
            "{thing_classes: [a], thing_colors: [[0, 0, 256]]}",
            "256",
            "'thing_colors[0][2]': should be less than or equal to 255, not 256",
        ),
        (
            "{thing_colors: [[0, 0, 0]]}",
            "{thing_colors: [[0, 0, 0]]}",
            "'metadata': 'thing_colors' are 1, 'thing_classes' 0: each class has one colour",
        ),
        (
            "{thing_classes: [a, b], thing_ids: [4]}",
            "{thing_classes: [a, b], thing_ids: [4]}",
            "'metadata': 'thing_ids' are 1, 'thing_classes' 2: each class has one number",
        ),
        (
            "{stuff_classes: [a, b], stuff_ids: [4, 4]}",
            "{stuff_classes: [a, b], stuff_ids: [4, 4]}",
            "'metadata': 'stuff_ids' has a number twice",
        ),
        (
            "{keypoint_names: [eye], keypoint_flip_pairs: [[eye, nose]]}",
            "{keypoint_names: [eye], keypoint_flip_pairs: [[eye, nose]]}",
            "'metadata': 'keypoint_flip_pairs' has 'nose', which is no keypoint",
        ),
        (
            "{keypoint_names: [eye], keypoint_flip_pairs: [[eye]]}",
            "[eye]",
            "'keypoint_flip_pairs[0]': a pair is a list of two names of keypoints",
        ),
        ("[cat]", "[cat]", "'metadata': should be a mapping, not a list"),
    ],
)
def test_metadata_that_cannot_be_meant_are_refused(spec_folder, metadata, place, message):
    problem = spec_folder.problem(f"{HEAD}metadata: {metadata}\n")
    assert problem.message == message
    assert marked(problem) == place


def test_problems_of_metadata_come_with_those_of_the_nodes(spec_folder):
    text = HEAD.replace("shift", "shfit") + "metadata: {thing_classes: 3}\n"
    messages = [problem.message for problem in spec_folder.problems(text)]
    assert len(messages) == 2
    assert "unknown node type 'shfit'" in messages[0]


def test_other_metadata_replace_all_that_there_are(spec_folder):
    spec_folder.write("spec.yaml", NAMED)
    spec = load_spec("spec.yaml")
    given = {"thing_classes": ["price in $$", "${x}"]}
    changed = spec.with_metadata(given)
    assert changed.metadata == SpecMetadata(thing_classes=("price in $$", "${x}"))
    assert load_spec(changed.document).metadata == changed.metadata
    assert spec.with_metadata(changed.metadata) == changed
    assert "metadata" not in spec.with_metadata({}).document
    assert len(spec.metadata.thing_classes) == 2


def test_wrong_metadata_in_their_place_are_refused(spec_folder):
    spec_folder.write("spec.yaml", NAMED)
    with pytest.raises(SpecError, match="unknown key 'classes'") as caught:
        load_spec("spec.yaml").with_metadata({"classes": ["a"]})
    assert str(caught.value.problems[0].place) == "<dict> metadata.classes"
