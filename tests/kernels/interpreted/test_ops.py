"""What `select` tries before it trusts a kernel."""

from __future__ import annotations

import pytest
import torch

from dgchat_kernels.ops import KERNELS, built_and_tried


@pytest.mark.parametrize("name", KERNELS)
def test_what_is_tried_of_a_kernel_runs(name: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(torch.cuda, "synchronize", lambda device: None)
    assert built_and_tried(name, torch.device("cpu")).__name__ in KERNELS[name]
