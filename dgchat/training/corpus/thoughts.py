"""What the model thinks before it answers, when it is asked to: a short word on the kind of question."""

from __future__ import annotations

from dataclasses import replace

from dgchat.training.corpus.conversation import Turn

_THOUGHTS = {
    "fact": "They want to know something. I have learned this one.",
    "small_talk": "They want to talk. I answer in a friendly way.",
    "fallback": "I have not learned this. I say so honestly.",
    "unclear": "I do not understand this. I ask for other words.",
    "skill": "This is a small task. I do it with care.",
    "memory": "This is about them. I look at what they told me.",
    "story": "They want a story. I make one up.",
    "poem": "They want a poem. I look for one that fits.",
    "joke": "They want to laugh. I look for a joke that fits.",
}


def thoughtful(turns: tuple[Turn, ...], family: str) -> tuple[Turn, ...]:
    """The turns, the last one with a thought that fits its family."""
    return (*turns[:-1], replace(turns[-1], thought=_THOUGHTS[family]))
