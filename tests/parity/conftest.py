"""Checkpoints and conversations, each made once per run and only when a test asks for it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

import pytest
import torch

from dgchat.paths import bundled_model
from parity.checkpoints import SUBJECTS, save_checkpoint
from parity.conversation import Conversation, hold_conversation


@pytest.fixture(autouse=True, scope="module")
def _one_thread() -> Iterator[None]:
    """Tiny products gain nothing from more threads, and lose much where cores are shared."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="session")
def folder_of(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """The checkpoint folder of a subject."""

    @cache
    def folder(subject: str) -> Path:
        case = SUBJECTS[subject]
        if case is None:
            return bundled_model()
        path = tmp_path_factory.mktemp("checkpoint")
        save_checkpoint(case, path)
        return path

    return folder


@pytest.fixture(scope="session")
def conversation_of(folder_of: Callable[[str], Path]) -> Callable[[str], Conversation]:
    """The conversation held with a subject, in float64 on both sides."""

    @cache
    def conversation(subject: str) -> Conversation:
        return hold_conversation(folder_of(subject), SUBJECTS[subject])

    return conversation


@pytest.fixture(params=SUBJECTS)
def subject(request: pytest.FixtureRequest) -> str:
    """Every checkpoint in turn, by name."""
    return request.param
