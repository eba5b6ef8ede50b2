import pytest
from hypothesis import given
from hypothesis import strategies as st

from composer.errors import InputError
from composer.sharded_jobs import name_shard, parse_shard, shard_range


@given(st.integers(1, 50), st.integers(0, 200))
def test_shards_have_every_image_once_and_in_order(count, total):
    places = [place for index in range(count) for place in shard_range(index, count, total)]
    assert places == [*range(total)]
    sizes = {len(shard_range(index, count, total)) for index in range(count)}
    assert max(sizes) - min(sizes) <= 1


def test_shards_count_from_zero():
    choice = parse_shard("3/16")
    assert (choice.count, [*choice.numbers]) == (16, [3])
    assert name_shard(3, 16) == "part-00003-of-00016"
    for text, reason in {
        "16/16": "there is no shard 16/16: shards of 16 are 0/16 to 15/16",
        "0/0": "n is 1 or more",
        "1": "'1' is no shard: i/n",
        "-1/4": "is no shard",
        "1.5/4": "is no shard",
    }.items():
        with pytest.raises(InputError, match=reason):
            parse_shard(text)
