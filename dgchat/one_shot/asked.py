"""What a one-shot is asked, out of its flags and standard input."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TextIO

from dgchat.engine.events import ChatMessage
from dgchat.errors import UsageError
from dgchat.one_shot.messages import read_messages
from dgchat.one_shot.prompt import FROM_STDIN, check_prompt, fill_template, join_parts


def messages_of(
    parts: Sequence[str] | None, chat: str | None, template: str | None, stdin: TextIO
) -> tuple[ChatMessage, ...]:
    """The chat of --messages, or the prompt of --prompt, which without that flag is standard input, in its
    template; UsageError if there is nothing to ask.
    """
    if chat is not None:
        if parts is not None or template is not None:
            raise UsageError("--messages holds the whole chat", hint="leave out --prompt and --template")
        return read_messages(chat, stdin)
    text = join_parts(parts or [FROM_STDIN], stdin)
    if parts is None and not text.strip():
        raise UsageError("the chat needs a terminal, and standard input is empty", hint="use --prompt TEXT")
    check_prompt(text)
    return (ChatMessage("user", text if template is None else fill_template(template, text)),)
