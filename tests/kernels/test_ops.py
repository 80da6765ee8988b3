"""Who carries out the ops, and why: faked at the door, where torch tells what GPU there is."""

from __future__ import annotations

import sys
from dataclasses import fields, replace

import pytest
import torch

from dgchat_kernels import Ops, ops, select
from dgchat_kernels.ops import KERNELS, PLAIN

CUDA = torch.device("cuda")


@pytest.fixture
def gpu(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """A GPU that can run kernels, as torch tells of it, and Triton beside it."""
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda device: (9, 0))
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda device: "a GPU")
    monkeypatch.setitem(sys.modules, "triton", sys)
    return monkeypatch


def kernel(*_: object) -> None:
    pass


@pytest.mark.parametrize("kind", ["cpu", "mps"])
def test_without_an_nvidia_gpu_it_is_plain_torch(kind: str):
    assert select(torch.device(kind)) == (PLAIN, f"plain torch on {kind}: the kernels need an NVIDIA GPU")


def test_with_triton_every_op_that_has_a_kernel_gets_it(gpu: pytest.MonkeyPatch):
    gpu.setattr(ops, "built_and_tried", lambda name, device: kernel)
    chosen, reason = select(CUDA)
    own = {field.name for field in fields(Ops) if getattr(chosen, field.name) is kernel}
    assert own == set(KERNELS)
    assert reason == (
        "kernels on a GPU for attention, experts, experts_nvfp4, route; plain torch for the rest"
    )


def test_without_triton_it_is_plain_torch_and_the_remedy_is_told(gpu: pytest.MonkeyPatch):
    gpu.setitem(sys.modules, "triton", None)
    assert select(CUDA) == (PLAIN, "plain torch on cuda: triton is not installed; pip install triton")


def test_an_old_gpu_is_told_with_what_it_has(gpu: pytest.MonkeyPatch):
    gpu.setattr(torch.cuda, "get_device_capability", lambda device: (7, 5))
    chosen, reason = select(CUDA)
    assert chosen is PLAIN
    assert reason == "plain torch on cuda: the kernels need compute capability 8.0, this GPU has 7.5"


def test_another_data_type_is_told(gpu: pytest.MonkeyPatch):
    chosen, reason = select(CUDA, torch.float32)
    assert chosen is PLAIN
    assert reason == "plain torch on cuda: the kernels compute in bfloat16, not float32"


def test_a_kernel_that_does_not_build_falls_back_alone_and_says_so(gpu: pytest.MonkeyPatch):
    def build(name: str, device: torch.device) -> object:
        if name == "experts":
            raise RuntimeError("ptxas fatal: too old\nand a page of it")
        return kernel

    gpu.setattr(ops, "built_and_tried", build)
    chosen, reason = select(CUDA)
    assert chosen == replace(PLAIN, attention=kernel, experts_nvfp4=kernel, route=kernel)
    assert reason.endswith("; experts by plain torch, its kernel failed: RuntimeError: ptxas fatal: too old")
