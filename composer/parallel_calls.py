"""Calls on as many threads as torch has, for work that is many small pieces."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

import torch


def call_all(tasks: Sequence[Callable[[], object]]) -> None:
    """Calls functions that do not depend on each other, at once where there are several threads.

    In other threads, too, no gradients are recorded, and tensors of inference may be written to.
    Where something watches the operations of this thread, all are called in it.

    Args:
        tasks: functions without arguments, which let other threads run for most of their time.
    """
    num_threads = min(torch.get_num_threads(), len(tasks))
    if num_threads <= 1 or torch._C._len_torch_dispatch_stack():
        for task in tasks:
            task()
        return
    is_inference = torch.is_inference_mode_enabled()

    def call(task: Callable[[], object]) -> None:
        with torch.inference_mode(is_inference), torch.no_grad():
            task()

    with ThreadPoolExecutor(num_threads) as pool:
        for waiting in [pool.submit(call, task) for task in tasks]:
            waiting.result()
