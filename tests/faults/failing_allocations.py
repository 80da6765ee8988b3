"""A device that is full at the N-th thing that torch computes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch.utils._python_dispatch import TorchDispatchMode


class FullAt(TorchDispatchMode):
    """Within, the N-th operation runs out of memory; `num_calls` tells how many there were."""

    def __init__(self, at: int) -> None:
        super().__init__()
        self.at, self.num_calls = at, 0

    @property
    def has_struck(self) -> bool:
        """Whether there were so many."""
        return self.num_calls >= self.at

    def __torch_dispatch__(
        self, operation: Callable[..., Any], types: object, args: Any = (), kwargs: Any = None
    ) -> Any:
        self.num_calls += 1
        if self.num_calls == self.at:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB")
        return operation(*args, **(kwargs or {}))
