"""Prompts that were sent, walked through with the arrow keys."""

from __future__ import annotations


class PromptHistory:
    """Sent prompts, oldest first, and where the reader stands among them."""

    def __init__(self) -> None:
        self._prompts: list[str] = []
        self._position = 0
        self._unsent = ""

    def add(self, prompt: str) -> None:
        """Remember a sent prompt and stand behind it."""
        if not self._prompts or self._prompts[-1] != prompt:
            self._prompts.append(prompt)
        self._position = len(self._prompts)
        self._unsent = ""

    def older(self, current: str) -> str | None:
        """The prompt before; `current`, where not yet sent, is kept to come back to. None at the oldest."""
        if self._position == 0:
            return None
        if self._position == len(self._prompts):
            self._unsent = current
        self._position -= 1
        return self._prompts[self._position]

    def search(self, text: str) -> str | None:
        """The latest older prompt that holds `text`, case aside, and is not it; None if there is none."""
        for position in range(self._position - 1, -1, -1):
            prompt = self._prompts[position]
            if text.lower() in prompt.lower() and prompt != text:
                if self._position == len(self._prompts):
                    self._unsent = text
                self._position = position
                return prompt
        return None

    def newer(self) -> str | None:
        """The prompt after, and in the end what was not yet sent; None at that end."""
        if self._position == len(self._prompts):
            return None
        self._position += 1
        return self._prompts[self._position] if self._position < len(self._prompts) else self._unsent
