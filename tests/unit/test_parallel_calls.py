"""Calls on several threads do what they would one after the other."""

import threading

import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode

from composer.parallel_calls import call_all
from composer.structures import paste_masks


@pytest.fixture
def _two_threads():
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    yield
    torch.set_num_threads(before)


def list_threads(count=4):
    found, together = [], threading.Barrier(2, timeout=5)

    def task():
        if not torch._C._len_torch_dispatch_stack():
            together.wait()
        found.append((threading.get_ident(), torch.is_grad_enabled()))

    call_all([task] * count)
    return found


@pytest.mark.usefixtures("_two_threads")
def test_two_are_called_at_once_without_gradients():
    found = list_threads()
    assert len({thread for thread, _ in found}) == 2
    assert not any(grad for _, grad in found)


@pytest.mark.usefixtures("_two_threads")
def test_what_watches_operations_sees_all_of_them():
    with TorchDispatchMode():
        assert {thread for thread, _ in list_threads()} == {threading.get_ident()}


@pytest.mark.usefixtures("_two_threads")
def test_an_error_reaches_the_caller():
    def fail():
        raise KeyError("mask")

    with pytest.raises(KeyError):
        call_all([fail, fail])


@pytest.mark.usefixtures("_two_threads")
@pytest.mark.parametrize("context", [torch.inference_mode, torch.no_grad, torch.enable_grad])
def test_masks_are_pasted_the_same_by_one_thread_and_by_two(context):
    generator = torch.Generator().manual_seed(0)
    corners = torch.rand(9, 2, generator=generator) * 60
    boxes = torch.cat([corners, corners + 5 + torch.rand(9, 2, generator=generator) * 40], dim=1)
    with context():
        masks = torch.rand(9, 14, 14, generator=generator)
        found = paste_masks(masks, boxes, (90, 110))
        torch.set_num_threads(1)
        assert torch.equal(found, paste_masks(masks, boxes, (90, 110)))
    assert found.any()
