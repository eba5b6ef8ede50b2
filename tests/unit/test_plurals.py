import pytest

from composer.plurals import count_noun


@pytest.mark.parametrize(
    ("noun", "plural"),
    [
        ("person", "people"),
        ("woman", "women"),
        ("police man", "police men"),
        ("dog", "dogs"),
        ("wine glass", "wine glasses"),
        ("bus", "buses"),
        ("couch", "couches"),
        ("toothbrush", "toothbrushes"),
        ("box", "boxes"),
        ("berry", "berries"),
        ("toy", "toys"),
        ("sheep", "sheep"),
        ("goldfish", "goldfish"),
        ("scissors", "scissors"),
        ("computer mouse", "computer mice"),
        ("knife", "knives"),
        ("potato", "potatoes"),
        ("kite", "kites"),
        ("traffic light", "traffic lights"),
    ],
)
def test_several_things_have_a_plural(noun, plural):
    assert count_noun(3, noun) == f"3 {plural}"
    assert count_noun(1, noun) == f"1 {noun}"


@pytest.mark.parametrize("name", ["RBC", "class 3", "voiture_1", "Öltank", "кот", "a/b"])
def test_other_names_stay_as_they_are(name):
    assert count_noun(2, name) == f"2 x {name}"
    assert count_noun(1, name) == f"1 {name}"
