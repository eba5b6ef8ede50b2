"""What holds of every augmentation that is published, and of each one in particular."""

from dataclasses import replace

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from composer.data import augmentations
from composer.data.augmentations import (
    LargeScaleJitter,
    MinIoURandomCrop,
    RandomApply,
    RandomBlur,
    RandomColor,
    RandomCrop,
    RandomExtent,
    RandomFlip,
    RandomGrayscale,
    RandomLighting,
    RandomRotation,
    RandomZoomOut,
    ResizeShortestEdge,
    TorchvisionTransform,
)
from composer.structures import Boxes, pairwise_iou
from unit.data.some_samples import assert_same, make_sample

EXAMPLES = [
    LargeScaleJitter(size=(32, 32), scales=(0.5, 2.0)),
    MinIoURandomCrop(),
    RandomApply(augmentations=[RandomRotation(degrees=(10.0, 20.0)), RandomFlip()]),
    RandomBlur(probability=1.0),
    RandomColor(brightness=(0.5, 1.5), contrast=(0.5, 1.5), saturation=(0.5, 1.5), hue=0.2),
    RandomCrop(size=(0.3, 0.3)),
    RandomExtent(scales=(1.2, 1.5), shifts=(0.1, 0.1)),
    RandomFlip(),
    RandomGrayscale(probability=0.5),
    RandomLighting(scale=1.0),
    RandomRotation(degrees=(-90.0, 90.0)),
    RandomZoomOut(),
    ResizeShortestEdge(shortest_edge=[12, 24], sampling="range"),
    TorchvisionTransform(transform="ColorJitter", arguments={"brightness": 0.5}),
]
OF_SEVERAL_IMAGES = {augmentations.Augmentation, augmentations.Mixture, augmentations.CopyPaste}
PHOTOMETRIC = (RandomBlur, RandomColor, RandomGrayscale, RandomLighting, TorchvisionTransform)


def run(augmentation, seed=0, sample=None):
    sample = make_sample() if sample is None else sample
    return augmentation(sample, torch.Generator().manual_seed(seed))


def many(augmentation, count=40, sample=None):
    return [run(augmentation, seed, sample) for seed in range(count)]


def test_there_is_an_example_of_every_augmentation():
    published = {getattr(augmentations, name) for name in augmentations.__all__}
    assert {type(example) for example in EXAMPLES} == published - OF_SEVERAL_IMAGES


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda e: type(e).__name__)
class TestEvery:
    def test_equal_generators_give_equal_samples(self, example):
        for seed in range(5):
            torch.manual_seed(seed)  # which must not matter
            assert_same(run(example, seed), run(example, seed), tolerance=0)

    def test_chance_makes_a_difference(self, example):
        sums = {sample.image.double().sum().item() * sample.width for sample in many(example, 10)}
        firsts = {tuple(sample.image[:, 0, 0].tolist()) for sample in many(example, 10)}
        assert len(sums) + len(firsts) > 2

    @pytest.mark.parametrize("masks", ["outlines", "bit_masks"])
    def test_the_sample_that_was_given_is_left_alone(self, example, masks):
        sample = make_sample(masks=masks)
        for seed in range(5):
            run(example, seed, sample)
        assert_same(sample, make_sample(masks=masks), tolerance=0)

    def test_the_global_generator_is_left_alone(self, example):
        before = torch.get_rng_state()
        many(example, 5)
        assert torch.equal(torch.get_rng_state(), before)

    def test_images_stay_three_channels_of_bytes_of_the_size_of_the_maps(self, example):
        for sample in many(example, 10):
            assert sample.image.dtype == torch.uint8
            assert sample.image.shape == (3, *sample.sem_seg.shape)
            assert sample.panoptic.shape == sample.sem_seg.shape

    @pytest.mark.parametrize("masks", ["outlines", "bit_masks"])
    def test_images_without_objects_and_tiny_ones_pass(self, example, masks):
        sample = make_sample(masks=masks)
        empty = sample.select(torch.tensor([False, False]))
        tiny = replace(
            empty,
            image=sample.image[:, :1, :1],
            bit_masks=None if empty.bit_masks is None else empty.bit_masks[:, :1, :1],
            sem_seg=sample.sem_seg[:1, :1],
            panoptic=sample.panoptic[:1, :1],
        )
        for before in (empty, tiny):
            for result in many(example, 10, before):
                assert len(result) == 0
                assert min(result.image.shape) > 0
                assert (
                    result.bit_masks is None or result.bit_masks.shape[1:] == result.image.shape[1:]
                )

    def test_the_bright_object_stays_where_its_mask_is(self, example):
        if isinstance(example, PHOTOMETRIC):
            assert_same(replace(run(example), image=make_sample().image), make_sample())
            return
        for sample in many(example, 10, make_sample(masks="bit_masks")):
            # Without the border, where pixels are mixed.
            mask = sample.bit_masks[1].float()[None, None]
            inner = 1 - torch.nn.functional.max_pool2d(1 - mask, 5, stride=1, padding=2)[0, 0]
            assert (sample.image[:, inner > 0] > 250).all()


def test_a_flip_happens_as_often_as_it_should():
    straight = make_sample().boxes
    flipped = sum(
        not torch.equal(s.boxes, straight) for s in many(RandomFlip(probability=0.3), 200)
    )
    assert 35 <= flipped <= 85
    assert all(torch.equal(s.boxes, straight) for s in many(RandomFlip(probability=0.0)))
    (vertical,) = many(RandomFlip(probability=1.0, direction="vertical"), 1)
    assert vertical.boxes[0].tolist() == [5, 12, 20, 26]


def test_sizes_come_from_the_list_or_the_range():
    chosen = many(ResizeShortestEdge(shortest_edge=[12, 24]))
    drawn = many(ResizeShortestEdge(shortest_edge=[12, 24], sampling="range"))
    assert {sample.height for sample in chosen} == {12, 24}
    assert {sample.height for sample in drawn} <= set(range(12, 25))
    assert len({sample.height for sample in drawn}) > 6
    (limited,) = many(ResizeShortestEdge(shortest_edge=60, longest_edge=60), 1)
    assert (limited.height, limited.width) == (45, 60)


@pytest.mark.parametrize(
    ("sizing", "size", "heights", "widths"),
    [
        ("absolute", (10, 100), {10}, {40}),
        ("absolute_range", (10, 12), {10, 11, 12}, {10, 11, 12}),
        ("relative", (0.5, 0.25), {15}, {10}),
        ("relative_range", (0.9, 0.95), {27, 28, 29, 30}, {38, 39, 40}),
    ],
)
def test_crops_have_the_size_that_is_asked_for(sizing, size, heights, widths):
    samples = many(RandomCrop(size=size, sizing=sizing), 60)
    assert {sample.height for sample in samples} == heights
    assert {sample.width for sample in samples} == widths


def test_a_crop_around_an_object_has_its_centre():
    centres = make_sample().boxes.view(-1, 2, 2).mean(dim=1)
    sample = replace(
        make_sample(), keypoints=torch.cat((centres, torch.ones(2, 1)), dim=1)[:, None].double()
    )
    crop = RandomCrop(size=(6, 6), sizing="absolute", around_object=True)
    crops = many(crop, 60, sample)
    assert all((cropped.keypoints[..., 2] > 0).any() for cropped in crops)
    assert len({tuple(cropped.boxes[0].tolist()) for cropped in crops}) > 5


def test_a_crop_avoids_parts_of_a_single_class():
    def largest_share(sample):
        return sample.sem_seg.flatten().bincount().max().item() / sample.sem_seg.numel()

    free = many(RandomCrop(size=(12, 12), sizing="absolute"), 60)
    mixed = many(RandomCrop(size=(12, 12), sizing="absolute", max_class_share=0.75), 60)
    assert sum(largest_share(s) >= 0.75 for s in free) > 10
    assert sum(largest_share(s) >= 0.75 for s in mixed) <= 2


def test_a_crop_of_an_image_of_which_nothing_is_known_is_any_part():
    unknown = replace(make_sample(), sem_seg=torch.full((30, 40), 255))
    crop = RandomCrop(size=(12, 12), sizing="absolute", max_class_share=0.75)
    assert all(sample.image.shape == (3, 12, 12) for sample in many(crop, 5, unknown))


@given(st.integers(0, 1000))
def test_large_scale_jitter_gives_one_size(seed):
    sample = run(LargeScaleJitter(size=(48, 32), scales=(0.1, 2.0)), seed)
    assert sample.image.shape == (3, 48, 32)


def test_large_scale_jitter_scales_what_fits():
    (half,) = many(LargeScaleJitter(size=(60, 80), scales=(0.5, 0.5)), 1)
    assert half.boxes[1].tolist() == [24, 10, 36, 25]  # 40 x 30 would fit 80 x 60 at twice its size
    assert half.image[:, 59, 79].tolist() == list(half.margin)


def test_zooming_out_keeps_objects_whole_and_sizes_in_range():
    for sample in many(RandomZoomOut(scales=(1.5, 3.0), probability=1.0)):
        assert 45 <= sample.height <= 90
        assert 60 <= sample.width <= 120
        assert (sample.boxes[:, 2:] - sample.boxes[:, :2]).tolist() == [[15, 14], [12, 15]]


def test_colours_that_are_not_to_change_do_not():
    sample = run(RandomColor())
    assert torch.equal(sample.image, make_sample().image)
    (doubled,) = many(RandomColor(brightness=(2.0, 2.0)), 1)
    assert torch.equal(doubled.image, (make_sample().image.int() * 2).clamp(max=255).byte())


def test_grey_is_the_same_in_every_channel():
    image = run(RandomGrayscale(probability=1.0)).image
    assert torch.equal(image[0], image[1])
    assert torch.equal(image[0], image[2])


def test_light_shifts_all_pixels_alike():
    image = torch.full((3, 4, 5), 100, dtype=torch.uint8)
    lit = run(RandomLighting(scale=1.0), sample=replace(make_sample(), image=image)).image
    assert all(len(set(channel.flatten().tolist())) == 1 for channel in lit)
    assert not torch.equal(lit, image)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: ResizeShortestEdge(shortest_edge=[]), "empty list"),
        (lambda: ResizeShortestEdge(shortest_edge=[9, 5], sampling="range"), r"not \[9, 5\]"),
        (lambda: RandomCrop(size=(0.5, 2.0)), "shares of at most 1"),
        (lambda: RandomCrop(size=(1.5, 2.0), sizing="absolute"), "whole pixels"),
        (lambda: RandomCrop(size=(9, 5), sizing="absolute_range"), "smallest, largest"),
        (lambda: LargeScaleJitter(scales=(2.0, 0.1)), "'scales' is"),
        (lambda: RandomZoomOut(scales=(0.5, 2.0)), "at least 1"),
        (lambda: RandomRotation(degrees=(5.0, -5.0)), "'degrees' is"),
        (lambda: RandomColor(contrast=(2.0, 1.0)), "'contrast' is"),
        (lambda: RandomBlur(sigma=(2.0, 1.0)), "'sigma' is"),
        (
            lambda: TorchvisionTransform(transform="RandomPosterize", arguments={"bitz": 3}),
            "RandomPosterize.*bitz",
        ),
        (
            lambda: TorchvisionTransform(
                transform="Grayscale", arguments={"num_output_channels": 1}
            ),
            "three channels",
        ),
    ],
)
def test_configurations_that_make_no_sense_are_refused(make, message):
    with pytest.raises(ValueError, match=message):
        make()


def test_augmentations_are_applied_together_or_not_at_all():
    both = RandomApply(augmentations=[RandomFlip(probability=1.0), LargeScaleJitter(size=(16, 16))])
    found = many(both)
    assert {one.image.shape[1:] for one in found} == {(16, 16), (30, 40)}
    for one in found:
        assert (one.height == 30) == torch.equal(one.image, make_sample().image)
        assert len(one.history) != 1


def test_an_augmentation_that_takes_from_other_images_is_not_applied_at_random():
    with pytest.raises(ValueError, match="CopyPaste takes from other images"):
        RandomApply(augmentations=[augmentations.CopyPaste()])


def test_an_extent_shows_more_or_less_of_an_image_at_the_same_size():
    still = RandomExtent(scales=(1.0, 1.0), shifts=(0.0, 0.0))
    assert_same(run(still), make_sample())
    wide = run(RandomExtent(scales=(2.0, 2.0), shifts=(0.0, 0.0)))
    assert wide.image.shape == (3, 60, 80)
    assert wide.boxes.tolist() == [[25, 19, 40, 33], [44, 25, 56, 40]]
    assert torch.equal(wide.image[:, 15:45, 20:60], make_sample().image)


def test_a_part_overlaps_every_object_by_the_minimum():
    box = torch.tensor([[8.0, 6.0, 32.0, 24.0]], dtype=torch.float64)
    alone = replace(make_sample().select(torch.tensor([True, False])), boxes=box, outlines=None)
    found = many(MinIoURandomCrop(min_ious=(0.9,)), 60, alone)
    assert len({one.image.shape for one in found}) > 5
    parts = [one for one in found if one.history]
    for one in parts:
        assert max(one.image.shape[1:]) <= 2 * min(one.image.shape[1:])
        assert min(one.image.shape[1:]) >= 0.3 * 30 - 1
    strict = MinIoURandomCrop(min_ious=(0.7,))
    strict.modes = (0.7,)
    for one in many(strict, 20, alone):
        left, top = one.history[0].left, one.history[0].top
        part = Boxes([[left, top, left + one.width, top + one.height]])
        assert pairwise_iou(part, Boxes(box.float())).item() >= 0.7


def test_colours_are_rounded_and_not_cut():
    ramp = torch.arange(256).repeat(3, 4, 1).to(torch.uint8)
    sample = replace(make_sample(4, 256), image=ramp)
    for change in (
        RandomColor(brightness=(0.777, 0.777)),
        RandomColor(contrast=(0.5, 0.5)),
        RandomColor(saturation=(0.3, 0.3)),
        RandomGrayscale(probability=1.0),
    ):
        mean = run(change, sample=sample).image.double().mean().item()
        factor = 0.777 if getattr(change, "changes", [[0, (0,)]])[0][1] == (0.777, 0.777) else 1.0
        assert mean == pytest.approx(127.5 * factor, abs=0.05)
