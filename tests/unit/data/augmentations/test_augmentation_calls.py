"""Augmentations in documents: found by name, checked with their places."""

import re

import pytest
import torch
from pydantic import BaseModel

from composer.data import AugmentationCall, augmentations
from composer.documents import read_document
from composer.errors import SpecError
from composer.registry import AUGMENTATION_GROUP, Registry
from unit.data.some_samples import make_sample

THIRD_PARTY = """
import torch
from composer.data import Sample

class Nothing:
    def __init__(self, *, strength: float = 1.0):
        self.strength = strength
        self.inverse = 1 / strength

    def __call__(self, sample: Sample, generator: torch.Generator) -> Sample:
        return sample
"""


class Document(BaseModel):
    """A document with nothing but augmentations."""

    augmentations: list[AugmentationCall]


def read(*calls):
    return [
        call.augmentation
        for call in read_document({"augmentations": calls}, Document).augmentations
    ]


def test_every_augmentation_is_published():
    registry = Registry.installed(AUGMENTATION_GROUP)
    ours = [p.name for p in registry.publications if p.distribution == "detection-composer"]
    classes = {registry.load(name) for name in ours}
    protocols = {augmentations.Augmentation, augmentations.Mixture}
    assert classes == {getattr(augmentations, name) for name in augmentations.__all__} - protocols


def test_an_augmentation_is_made_from_its_configuration():
    flip, resize = read(
        {"uses": "random_flip", "with": {"probability": 1.0}},
        {"uses": "resize_shortest_edge", "with": {"shortest_edge": [8, 12], "longest_edge": 90}},
    )
    sample = flip(make_sample(), torch.Generator())
    assert sample.boxes[0].tolist() == [20, 4, 35, 18]
    assert resize.lengths == [8, 12]


def test_augmentations_stand_within_another_one():
    (flip,) = read(
        {
            "uses": "random_apply",
            "with": {
                "augmentations": [{"uses": "random_flip", "with": {"probability": 1.0}}],
                "probability": 1.0,
            },
        }
    )
    assert flip(make_sample(), torch.Generator()).boxes[0].tolist() == [20, 4, 35, 18]


@pytest.mark.parametrize(
    ("inner", "problem"),
    [
        ({"uses": "random_flop"}, "random_flip"),
        ({"uses": "random_flip", "with": {"probability": 2}}, "should be less than or equal"),
        ({"uses": "copy_paste"}, "takes from other images"),
    ],
)
def test_mistakes_within_another_augmentation_have_their_place(inner, problem):
    with pytest.raises(SpecError) as caught:
        read({"uses": "random_apply", "with": {"augmentations": [inner]}})
    assert problem in str(caught.value)


def test_names_within_another_augmentation_are_resolved_too():
    call = {"uses": "random_apply", "with": {"augmentations": [{"uses": "random_flip"}]}}
    resolved = AugmentationCall.model_validate(call).resolved()
    assert "/random_flip" in resolved["with"]["augmentations"][0]["uses"]
    assert AugmentationCall.model_validate(resolved).augmentation.augmentations


def _torchvision(transform, **arguments):
    return {"uses": "torchvision", "with": {"transform": transform, "arguments": arguments}}


def test_a_blur_may_reach_as_far_as_large_images_allow():
    (blur,) = read(_torchvision("GaussianBlur", kernel_size=33))
    sample = make_sample(40, 50)
    assert blur(sample, torch.Generator()).image.shape == sample.image.shape


@pytest.mark.parametrize(
    ("call", "message"),
    [
        ({"uses": "random_flp"}, "Did you mean 'random_flip'"),
        ({"uses": "random_flip", "with": {"probability": 1.5}}, "should be less than or equal"),
        ({"uses": "random_flip", "with": {"probabilty": 0.5}}, "Did you mean 'probability'"),
        ({"uses": "random_crop"}, "'size' is missing"),
        ({"uses": "random_rotation", "with": {"degrees": [5, -5]}}, r"is \[smallest, largest\]"),
        ({"uses": "torchvision", "with": {"transform": "RandomResize"}}, "'ColorJitter'"),
        (_torchvision("GaussianBlur", kernel_size=999), "torchvision's GaussianBlur: .*Padding"),
        (_torchvision("RandomSolarize", threshold="9", p=0.01), "torchvision's RandomSolarize: "),
    ],
)
def test_a_mistake_is_reported_with_its_place(call, message):
    with pytest.raises(SpecError) as caught:
        read(call)
    assert re.search(message, " ".join(str(caught.value).split()))


def test_another_package_can_publish_one(plugin_folder):
    entry_points = "[composer.augmentations]\nnothing = my_things:Nothing\n"
    plugin_folder.install("my-things", entry_points, {"my_things": THIRD_PARTY})
    (nothing,) = read({"uses": "nothing", "with": {"strength": 2}})
    assert nothing.strength == 2


def test_a_plugin_that_fails_is_reported_with_its_name_and_place(plugin_folder):
    entry_points = "[composer.augmentations]\nnothing = my_things:Nothing\n"
    plugin_folder.install("my-things", entry_points, {"my_things": THIRD_PARTY})
    with pytest.raises(SpecError) as caught:
        read({"uses": "random_flip"}, {"uses": "nothing", "with": {"strength": 0}})
    told = " ".join(str(caught.value).split())
    assert "augmentations" in told
    assert "'nothing' of my-things" in told
    assert "cannot be made: ZeroDivisionError" in told


def test_augmentations_within_others_are_written_where_those_are(plugin_folder):
    text = THIRD_PARTY.replace("class Nothing", "class Flip")
    entries = "[composer.augmentations]\nrandom_flip = flips:Flip\n[composer.specs]\nf = flip_files"
    plugin_folder.install("flips", entries, {"flips": text})
    folder = plugin_folder.path / "flip_files"
    folder.mkdir()
    file = folder / "calls.yaml"
    file.write_text(
        "augmentations:\n"
        "- uses: detection-composer/random_apply\n"
        "  with: {augmentations: [{uses: random_flip}], probability: 1.0}\n"
    )
    (call,) = read_document(file, Document).augmentations
    (inner,) = call.resolved()["with"]["augmentations"]
    assert inner["uses"] == "flips/random_flip"
