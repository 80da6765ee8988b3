"""Chats as people have them: whether what the model says in them is language, early and late."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import islice

from dgchat.engine.events import ChatMessage
from dgchat.training.corpus.conversation import Conversation
from dgchat.training.corpus.generate import example_stream
from dgchat.training.evaluation.garble import garbled

SAMPLED_CHATS = 1000
LONG_CHATS = 50
LONG_CHAT_TURNS = 20
LATE_TURNS = 10
"""The last turns of a long chat are judged."""
_SEED = 77_000_001
"""Of a stream that no training run reads: its seeds are small, or multiples of a thousand apart."""

Say = Callable[[list[ChatMessage], int], str]
"""Answers a dialog that ends with the user's turn; the number seeds the answer."""


@dataclass(frozen=True, slots=True)
class ChatScore:
    """How many answers were judged, and what was wrong with each garbled one."""

    total: int
    flaws: tuple[str, ...]

    @property
    def percent_garbled(self) -> float:
        """Garbled answers in percent."""
        return 100 * len(self.flaws) / self.total if self.total else 0.0


def score_sampled_chats(say: Say, count: int = SAMPLED_CHATS) -> ChatScore:
    """The last answers of `count` fresh conversations, whose earlier turns are as written."""
    flaws = []
    for seed, conversation in enumerate(islice(example_stream(_SEED), count)):
        messages = _messages(conversation)
        flaws += _flaws(messages, say(messages, seed))
    return ChatScore(count, tuple(flaws))


def score_long_chats(say: Say, count: int = LONG_CHATS) -> ChatScore:
    """The late answers of `count` chats of twenty mixed turns, which go on from the model's own words."""
    flaws, stream = [], example_stream(_SEED + 1)
    for chat in range(count):
        messages: list[ChatMessage] = []
        for turn in range(LONG_CHAT_TURNS):
            messages.append(ChatMessage("user", next(stream).turns[-1].user))
            reply = say(messages, chat * LONG_CHAT_TURNS + turn)
            if turn >= LONG_CHAT_TURNS - LATE_TURNS:
                flaws += _flaws(messages, reply)
            messages.append(ChatMessage("assistant", reply))
    return ChatScore(count * LATE_TURNS, tuple(flaws))


def _messages(conversation: Conversation) -> list[ChatMessage]:
    messages = [ChatMessage("system", conversation.system)] if conversation.system else []
    for turn in conversation.turns:
        messages += [ChatMessage("user", turn.user), ChatMessage("assistant", turn.answer)]
    return messages[:-1]


def _flaws(messages: list[ChatMessage], reply: str) -> list[str]:
    asked = " ".join(message.text for message in messages if message.role == "user")
    flaw = garbled(reply, asked)
    return [f"{messages[-1].text!r} -> {flaw}: {reply!r}"] if flaw else []
