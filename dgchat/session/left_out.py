"""What is said of the turns that no longer fit into the prompt."""

from __future__ import annotations

from dgchat.session.conversation import Conversation

AGAIN = 10
"""It is said again when so many more are left out."""


class LeftOut:
    """Says it once in a conversation, not with every answer."""

    def __init__(self) -> None:
        self._conversation: Conversation | None = None
        self._told = 0

    def words(self, conversation: Conversation, num_turns: int) -> str:
        """What to say of a prompt without its oldest turns; empty if it was said."""
        if conversation is not self._conversation:
            self._conversation, self._told = conversation, 0
        if not num_turns or (self._told and num_turns < self._told + AGAIN):
            return ""
        self._told = num_turns
        what = "the oldest turn was" if num_turns == 1 else f"the {num_turns} oldest turns were"
        return f"{what} left out of the prompt: the conversation is longer than the model can read"
