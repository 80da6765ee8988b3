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
