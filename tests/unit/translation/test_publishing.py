"""Translations of node types."""

from composer.discovery import DISTRIBUTION
from composer.registry import Registry
from composer.translation import find_translation, translated_by


@translated_by("composer.translation:num_rows")
def node(x: int) -> int:
    return x


class Published:
    @staticmethod
    def onnx_translation(op, node, x):
        return op.Relu(x)


class Derived(Published):
    pass


def test_a_translation_is_named_or_given():
    assert find_translation(node).__name__ == "num_rows"
    assert find_translation(Published).__name__ == "onnx_translation"
    assert find_translation(len) is None


def test_a_class_that_changes_another_does_not_have_its_translation():
    assert find_translation(Derived) is None


def test_all_translations_of_ours_are_there():
    registry = Registry.installed()
    names = [p.name for p in registry.publications if p.distribution == DISTRIBUTION]
    found = {name: find_translation(registry.load(name)) for name in names}
    translated = {name for name, one in found.items() if one is not None}
    assert {"preprocess", "proposals", "roi_pooler", "detections", "panoptic"} <= translated
