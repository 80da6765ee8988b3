"""Whole conversations in float64: with the cache, every turn is what it would be without one."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
import torch

from dgchat.engine.answer_run import AnswerRun
from dgchat.engine.engine import DiffusionEngine
from dgchat.engine.events import ChatMessage, Finished, FinishReason, GenerationRequest, SamplerConfig
from dgchat.engine.kv_cache import KVCache
from dgchat.engine.prefix_rows import ConversationRow
from dgchat.engine.sliding_rows import SlidingRows
from dgchat.model import cache_sizes
from talk import END_OF_THOUGHT, THOUGHT, Conversation, Witness
from tiny import CANVAS, END_OF_TURN, PAD

NEWER = """
{{- '<bos>' -}}
{%- if enable_thinking or messages[0].role == 'system' -%}
    {{- '<|turn>system\\n' -}}
    {%- if enable_thinking -%}{{- '<|think|>\\n' -}}{%- endif -%}
    {%- if messages[0].role == 'system' -%}{{- messages[0].content | trim -}}{%- endif -%}
    {{- '<turn|>\\n' -}}
{%- endif -%}
{%- for message in messages if message.role != 'system' -%}
    {%- set role = 'model' if message.role == 'assistant' else 'user' -%}
    {{- '<|turn>' ~ role ~ '\\n' ~ message.content | trim ~ '<turn|>\\n' -}}
{%- endfor -%}
{{- '<|turn>model\\n' -}}
"""
"""A template in the manner of Google's present one."""

OLDER = NEWER + "{%- if not enable_thinking -%}{{- '<|channel>thought\\n<channel|>' -}}{%- endif -%}"
"""One in the manner of NVIDIA's copy: without thinking, the generation prompt ends with an empty thought."""

TEMPLATES = {"newer": NEWER, "older": OLDER}


def hold(talk: Conversation) -> None:
    """Thinking turns, one asked again, one reworded, one cut; then others without thinking, one cancelled."""
    answer = [*talk.ids("The capital of France is Paris."), END_OF_TURN]
    thought = [THOUGHT, *talk.ids("thought\n" + "A cat sat on the mat. " * 12), END_OF_THOUGHT]
    assert len(thought) > talk.sizes.slack + 2 * CANVAS
    talk.system(talk.long("You are a cat. "))
    talk.ask("What is the capital of France?", [*thought, *answer], thinking=True, reused=False)
    talk.ask("How are you?", [*thought, *answer], thinking=True)
    talk.ask_again(answer, thinking=True)
    talk.reword("And the moon?", answer, thinking=True, reused=None)
    talk.reword("And the mat?", answer, thinking=True)
    cut = talk.ask("What is a mat?", thought, thinking=True, limit=len(thought) - 3)
    assert (cut.reason, cut.text) == (FinishReason.LENGTH, "")
    talk.messages[-1] = ChatMessage("assistant", "I do not know.")
    talk.ask("Well?", answer, thinking=True)
    talk.ask("And without thinking?", answer, reused=False)
    long = talk.ids("The canvas starts as noise and becomes an answer. " * 3)[: 5 * CANVAS - 1]
    talk.ask("Tell me more.", [*long, END_OF_TURN])
    cancelled = talk.ask("Go on.", [*long, END_OF_TURN], cancel_in=2)
    assert (cancelled.reason, bool(cancelled.text)) == (FinishReason.CANCELLED, True)
    talk.ask("Thank you!", answer)
    talk.ask("Bye.", talk.ids("Hello! How are you? I am well"), limit=6)
    talk.ask("Hello?", answer)
    talk.system("You are a dog.")
    talk.ask("Who are you?", answer, reused=False)


@pytest.fixture(autouse=True)
def _one_thread() -> Iterator[None]:
    """Products this small only wait for a second one."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(autouse=True)
def _short_prompt_end(monkeypatch: pytest.MonkeyPatch) -> None:
    """So that a conversation of a few hundred tokens goes beyond it."""
    monkeypatch.setattr(cache_sizes, "PROMPT_END", 12)


@pytest.fixture(params=TEMPLATES.values(), ids=TEMPLATES)
def template(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.mark.parametrize("max_chunk", [1, 5, 512])
def test_every_turn_is_what_it_would_be_without_a_cache(template: str, max_chunk: int, tmp_path: Path):
    talk = Conversation(tmp_path, template, max_chunk)
    hold(talk)
    assert len(talk.rolled_back) == 14
    assert max(talk.rolled_back[1:7]) > talk.sizes.slack
    assert talk.engine.cache.length > talk.sizes.window + talk.sizes.slack


class EncodedEnough:
    """A cancel that comes once the model has encoded so many tokens."""

    def __init__(self, witness: Witness, tokens: int) -> None:
        self.witness, self.tokens = witness, tokens

    def is_set(self) -> bool:
        return self.witness.num_encoded >= self.tokens


def test_a_prompt_whose_encoding_was_cancelled_is_taken_up_where_it_stopped(template: str, tmp_path: Path):
    talk = Conversation(tmp_path, template, max_chunk=5)
    answer = [*talk.ids("Paris."), END_OF_TURN]
    talk.ask("Hello!", answer, reused=False)
    before, question = talk.engine.cache.length, talk.long("What is the moon? ")
    talk.prepare(answer)
    asked = (*talk.messages, ChatMessage("user", question))
    request = GenerationRequest(asked, 100, SamplerConfig(max_denoising_steps=3), seed=1)
    finished = talk.engine.generate(request, lambda event: None, EncodedEnough(talk.witness, 63))
    assert (finished.reason, finished.text) == (FinishReason.CANCELLED, "")
    assert before < talk.engine.cache.length <= before + 65
    talk.ask(question, answer)


def test_a_long_prefix_is_encoded_in_smaller_chunks_and_alike(
    template: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(cache_sizes, "MAX_CHUNK_SCORES", 1000)
    talk = Conversation(tmp_path, template, max_chunk=32)
    chunks: list[tuple[int, int]] = []
    encode = talk.witness.encode

    def watch(token_ids: torch.Tensor, prefix: KVCache) -> None:
        chunks.append((token_ids.shape[1], prefix.length))
        encode(token_ids, prefix)

    talk.witness.encode = watch
    talk.ask(talk.long("What is the moon? ") * 3, [*talk.ids("Paris."), END_OF_TURN], reused=False)
    assert {chunk for chunk, _ in chunks} >= {32, 16, 8, 4}
    assert all(chunk * prefix <= 1000 for chunk, prefix in chunks)


def commit_as_decoded(reason: FinishReason) -> Callable[[DiffusionEngine, AnswerRun], Finished]:
    """What the decoder left of the last canvas is taken for encoded, if the answer ends like this."""

    def finished(engine: DiffusionEngine, run: AnswerRun) -> Finished:
        if run.reason is reason:
            encoded = engine.cache.length - len(run.prompt.token_ids)
            engine.cache.commit(run.token_ids[encoded:])
        return original_finished(engine, run)

    return finished


def encode_padding(row: ConversationRow, token_ids: Mapping[int, Sequence[int]]) -> None:
    """A canvas is encoded with padding in its last place."""
    if row._cache.length < row._prompt_length or not token_ids[0]:
        original_encode(row, token_ids)
        return
    original_encode(row, {0: [*token_ids[0][:-1], PAD]})
    row._cache.token_ids[-1] = token_ids[0][-1]


def return_in_name_only(rows: SlidingRows, length: int) -> None:
    """The snapshot's rows have been lost to something else."""
    first = rows._saved.first
    rows._saved.refill(first, *(torch.zeros_like(r) for r in rows._saved.rows(first, rows._saved_end)))
    original_roll_back(rows, length)


original_finished = DiffusionEngine._finished
original_encode = ConversationRow.encode
original_roll_back = SlidingRows.roll_back

FAULTS = {
    "the last canvas kept as decoded": (
        DiffusionEngine,
        "_finished",
        commit_as_decoded(FinishReason.END_OF_TURN),
    ),
    "a cut tail kept": (DiffusionEngine, "_finished", commit_as_decoded(FinishReason.LENGTH)),
    "a cancelled draft kept": (DiffusionEngine, "_finished", commit_as_decoded(FinishReason.CANCELLED)),
    "padding encoded": (ConversationRow, "encode", encode_padding),
    "a snapshot that was overwritten": (SlidingRows, "roll_back", return_in_name_only),
}


@pytest.mark.parametrize(("owner", "name", "fault"), FAULTS.values(), ids=FAULTS)
def test_a_fault_in_what_is_kept_changes_a_later_turn(
    owner: type, name: str, fault: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(owner, name, fault)
    with pytest.raises(AssertionError, match="not close"):
        hold(Conversation(tmp_path, NEWER, max_chunk=5))
