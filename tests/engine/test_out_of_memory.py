"""A device that is full after all: one line with what was held and what was free, and the chat goes on."""

from __future__ import annotations

import gc
import weakref
from pathlib import Path
from threading import Event

import pytest
import torch

from dgchat.api import load_engine
from dgchat.checkpoint import LoadedCheckpoint
from dgchat.checkpoint.weights import WeightReader
from dgchat.engine import together
from dgchat.engine.engine import DiffusionEngine
from dgchat.engine.events import ChatMessage, GenerationRequest, SamplerConfig
from dgchat.errors import InsufficientMemoryError
from tiny import CONTEXT, write_checkpoint

REQUEST = GenerationRequest(
    (ChatMessage("user", "Hello! How are you?"),), 8, SamplerConfig(max_denoising_steps=2), seed=3
)
kept: list[weakref.ref[torch.Tensor]] = []


def run_out(*_: object, **__: object) -> None:
    """What torch does when the device is full, with a large tensor in hand."""
    in_hand = torch.empty(1000)
    kept.append(weakref.ref(in_hand))
    raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB")


def test_an_answer_that_runs_out_of_memory_is_refused_with_numbers_and_the_next_one_is_given(
    loaded: LoadedCheckpoint, monkeypatch: pytest.MonkeyPatch
):
    engine = DiffusionEngine(loaded)
    expected = DiffusionEngine(loaded).generate(REQUEST, lambda event: None, Event())
    cache = weakref.ref(engine.cache)
    with monkeypatch.context() as patch:
        patch.setattr(together, "denoise", run_out)
        with pytest.raises(InsufficientMemoryError, match="ran out of memory on cpu") as caught:
            engine.generate(REQUEST, lambda event: None, Event())
    assert f"a context of {CONTEXT:,} tokens" in caught.value.message
    assert "B were free" in caught.value.message
    assert f"--context {CONTEXT // 2}" in str(caught.value.hint)
    gc.collect()
    assert kept.pop()() is None, "whoever keeps the error keeps no tensor"
    assert cache() is None
    assert engine.generate(REQUEST, lambda event: None, Event()).text == expected.text


def test_a_model_that_runs_out_of_memory_while_it_loads_is_refused_with_numbers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(WeightReader, "_fill", run_out)
    folder = write_checkpoint(tmp_path / "mine")
    with pytest.raises(InsufficientMemoryError, match=r"^mine ran out of memory on cpu"):
        load_engine(folder, "cpu")
