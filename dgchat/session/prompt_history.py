"""Prompts that were sent, walked through with the arrow keys or searched."""

from __future__ import annotations

from dgchat.errors import DgchatError
from dgchat.session.history_file import HistoryFile


class PromptHistory:
    """Sent prompts, oldest first, and where the reader stands among them; kept in `file` if there is one."""

    def __init__(self, file: HistoryFile | None = None) -> None:
        self._file = file
        self._fault: DgchatError | None = None
        self._prompts = self._read()
        self._position = len(self._prompts)
        self._unsent = ""

    def add(self, prompt: str) -> None:
        """Remember a sent prompt and stand behind it; DgchatError, once, if the file cannot be used."""
        is_new = not self._prompts or self._prompts[-1] != prompt
        if is_new:
            self._prompts.append(prompt)
        self._position = len(self._prompts)
        self._unsent = ""
        if is_new and self._file:
            file, self._file = self._file, None
            file.append(prompt)
            self._file = file
        if self._fault:
            fault, self._fault = self._fault, None
            raise fault

    def older(self, current: str) -> str | None:
        """The prompt before; `current`, where not yet sent, is kept to come back to. None at the oldest."""
        if self._position == 0:
            return None
        if self._position == len(self._prompts):
            self._unsent = current
        self._position -= 1
        return self._prompts[self._position]

    def newer(self) -> str | None:
        """The prompt after, and in the end what was not yet sent; None at that end."""
        if self._position == len(self._prompts):
            return None
        self._position += 1
        return self._prompts[self._position] if self._position < len(self._prompts) else self._unsent

    def matches(self, text: str) -> list[str]:
        """The prompts that hold `text`, case aside, latest first and each of them once."""
        wanted = text.lower()
        return list(dict.fromkeys(prompt for prompt in reversed(self._prompts) if wanted in prompt.lower()))

    def _read(self) -> list[str]:
        try:
            return self._file.read() if self._file else []
        except DgchatError as error:
            self._fault = error  # told with the first prompt: an old history is no reason not to open
            return []
