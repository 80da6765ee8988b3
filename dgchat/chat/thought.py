"""The thought channel: told from the answer by token id, never by what the text looks like."""

from __future__ import annotations

from collections.abc import Sequence

from dgchat.chat.tokenizer import ChatTokenizer


def split_thought(token_ids: Sequence[int], tokenizer: ChatTokenizer) -> tuple[str, str]:
    """(thought, answer) of an answer's tokens; a channel that is never closed is thought to its end.

    The answer keeps its leading space, which one that goes on needs.
    """
    answer: list[int] = []
    thoughts: list[list[int]] = []
    opening, closing = tokenizer.special_id("<|channel>"), tokenizer.special_id("<channel|>")
    inside = False
    for token in token_ids:
        if token == opening:
            inside = True
            thoughts.append([])
        elif token == closing:
            inside = False
        else:
            (thoughts[-1] if inside else answer).append(token)
    texts = (tokenizer.decode(thought).removeprefix("thought\n").strip() for thought in thoughts)
    return "\n".join(filter(None, texts)), tokenizer.decode(answer).rstrip()


def mark_thought(token_ids: Sequence[int], tokenizer: ChatTokenizer, inside: bool = False) -> bytes:
    """1 for each token of the thought channel, its markers included, else 0; empty if there is none of it.

    `inside`: whether the channel is open already before the first token.
    """
    opening, closing = tokenizer.special_id("<|channel>"), tokenizer.special_id("<channel|>")
    if not inside and opening not in token_ids and closing not in token_ids:
        return b""
    marks = bytearray()
    for token in token_ids:
        marks.append(inside or token in (opening, closing))
        inside = (inside or token == opening) and token != closing
    return bytes(marks)


def ends_inside_thought(token_ids: Sequence[int], tokenizer: ChatTokenizer) -> bool:
    """Whether the thought channel is still open after these tokens."""
    marks = mark_thought(token_ids, tokenizer)
    return bool(marks) and bool(marks[-1]) and token_ids[-1] != tokenizer.special_id("<channel|>")
