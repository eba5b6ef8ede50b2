"""The collector of cyclic garbage pauses while large specs are read, and goes on afterwards."""

import gc
from concurrent.futures import ThreadPoolExecutor

import pytest

from composer.garbage_collection import paused_collection


def test_the_collector_pauses_until_the_outermost_body_ends():
    assert gc.isenabled()
    with paused_collection():
        with paused_collection():
            assert not gc.isenabled()
        assert not gc.isenabled()
    assert gc.isenabled()


def test_it_goes_on_after_an_error():
    with pytest.raises(KeyError), paused_collection():
        raise KeyError
    assert gc.isenabled()


def test_a_collector_that_is_off_stays_off():
    gc.disable()
    try:
        with paused_collection():
            assert not gc.isenabled()
        assert not gc.isenabled()
    finally:
        gc.enable()


def test_threads_may_pause_it_together():
    def pause(_):
        with paused_collection():
            return gc.isenabled()

    with ThreadPoolExecutor(8) as pool:
        assert not any(pool.map(pause, range(500)))
    assert gc.isenabled()
