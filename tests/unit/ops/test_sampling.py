import torch
from hypothesis import given
from hypothesis import strategies as st

from composer.ops import sample_labels

BACKGROUND = 9


def seeded(seed):
    return torch.Generator().manual_seed(seed)


@given(
    st.lists(st.sampled_from([-1, 0, 3, BACKGROUND]), max_size=40),
    st.integers(0, 30),
    st.sampled_from([0.0, 0.25, 0.5, 1.0]),
)
def test_positives_take_their_share_and_negatives_fill_up(labels, num_samples, fraction):
    labels = torch.tensor(labels, dtype=torch.int64)
    positive, negative = sample_labels(labels, num_samples, fraction, BACKGROUND)
    drawn = torch.cat((positive, negative))
    assert len(drawn.unique()) == len(drawn)
    assert ((labels[positive] == 0) | (labels[positive] == 3)).all()
    assert (labels[negative] == BACKGROUND).all()
    num_positive = int(((labels == 0) | (labels == 3)).sum())
    num_negative = int((labels == BACKGROUND).sum())
    assert len(positive) == min(num_positive, int(num_samples * fraction))
    assert len(negative) == min(num_negative, num_samples - len(positive))


def test_a_generator_decides_on_the_draw():
    labels = torch.tensor([0] * 50 + [BACKGROUND] * 50)
    first, again, other = (
        torch.cat(sample_labels(labels, 20, 0.5, BACKGROUND, seeded(seed))) for seed in (1, 1, 2)
    )
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


def test_positives_are_drawn_before_negatives():
    labels = torch.tensor([BACKGROUND, 0, 0, BACKGROUND, 0, BACKGROUND])
    generator = seeded(3)
    positive = torch.tensor([1, 2, 4])[torch.randperm(3, generator=generator)]
    negative = torch.tensor([0, 3, 5])[torch.randperm(3, generator=generator)]
    found = sample_labels(labels, 6, 0.5, BACKGROUND, seeded(3))
    assert torch.equal(found[0], positive)
    assert torch.equal(found[1], negative)
