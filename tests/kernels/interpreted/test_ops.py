"""What `select` tries before it trusts a kernel."""

from __future__ import annotations

import pytest
import torch

from dgchat_kernels.ops import KERNELS, tried_kernel


@pytest.mark.parametrize("name", KERNELS)
def test_what_is_tried_of_a_kernel_runs(name: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(torch.cuda, "synchronize", lambda device: None)
    assert tried_kernel(name, torch.device("cpu")).__name__ in KERNELS[name]
