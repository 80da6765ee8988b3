"""Messages to prompt tokens, leaving out the oldest turns that do not fit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from dgchat.chat.template import ChatTemplate
from dgchat.chat.tokenizer import ChatTokenizer
from dgchat.engine.events import ChatMessage
from dgchat.errors import PromptError


@dataclass(frozen=True, slots=True)
class PromptLimits:
    """How long a prompt may be."""

    context: int
    """Tokens that leave room for one canvas; a single message beyond it is refused."""
    preferred: int
    """Tokens up to which earlier turns are kept."""
    max_turns: int | None
    """Most turns, the present one included; None for no limit."""


@dataclass(frozen=True, slots=True)
class Prompt:
    """Token ids of a prompt, and how many of the oldest turns it lacks."""

    token_ids: list[int]
    dropped_turns: int


def build_prompt(
    messages: Sequence[ChatMessage],
    thinking: bool,
    template: ChatTemplate,
    tokenizer: ChatTokenizer,
    limits: PromptLimits,
) -> Prompt:
    """The prompt with as many of the latest turns as the limits allow; PromptError if the last is too long
    alone.
    """
    check_messages(messages)
    system = [message for message in messages[:1] if message.role == "system"]
    turns = _turns(messages[len(system) :])
    first = max(0, len(turns) - limits.max_turns) if limits.max_turns else 0
    while True:
        kept = [*system, *(message for turn in turns[first:] for message in turn)]
        token_ids = _encode(kept, thinking, template, tokenizer)
        if len(token_ids) <= limits.preferred or first == len(turns) - 1:
            break
        first += 1
    if len(token_ids) > limits.context:
        raise PromptError(
            f"the prompt has {len(token_ids)} tokens, the model's context leaves room for {limits.context}",
            hint="shorten it",
        )
    return Prompt(token_ids, first)


def goes_on(messages: Sequence[ChatMessage]) -> bool:
    """Whether the conversation ends with an answer that is to be continued."""
    return messages[-1].role == "assistant"


def check_messages(messages: Sequence[ChatMessage]) -> None:
    """PromptError unless the messages are a conversation that can be answered."""
    if not any(message.role == "user" for message in messages) or messages[-1].role == "system":
        raise PromptError("a conversation must end with a user's message, or with an answer to go on with")
    if not messages[-1].text.strip():
        raise PromptError("the prompt is empty", hint="say something")
    for index, message in enumerate(messages):
        allowed = ("system", "user", "assistant") if index == 0 else ("user", "assistant")
        if message.role not in allowed:
            raise PromptError(
                f"message {index + 1} has role {message.role!r}, not one of {', '.join(allowed)}"
            )
        if any("\ud800" <= letter <= "\udfff" for letter in message.text):
            raise PromptError(f"message {index + 1} holds half a character, which is no text")


def _turns(messages: Sequence[ChatMessage]) -> list[list[ChatMessage]]:
    """Messages grouped so that each group begins with a user's."""
    turns: list[list[ChatMessage]] = []
    for message in messages:
        if message.role == "user" or not turns:
            turns.append([])
        turns[-1].append(message)
    return turns


def _encode(
    messages: Sequence[ChatMessage], thinking: bool, template: ChatTemplate, tokenizer: ChatTokenizer
) -> list[int]:
    texts, mark = tokenizer.guard(message.text for message in messages)
    guarded = [ChatMessage(message.role, text) for message, text in zip(messages, texts, strict=True)]
    if goes_on(messages):
        return tokenizer.encode(template.render(guarded[:-1], thinking) + guarded[-1].text, mark)
    return tokenizer.encode(template.render(guarded, thinking), mark)
