"""The checkpoint's own chat template: our own is rendered here, a stranger's in a process of its own."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

from dgchat.chat.rendering import RenderingFailed, compile_template, render_template
from dgchat.chat.stranger import Stranger
from dgchat.engine.events import ChatMessage
from dgchat.errors import CheckpointError, TemplateError
from dgchat.paths import bundled_model

FILE = "chat_template.jinja"
_HINT = "that of the bundled model, copied over it, serves any DiffusionGemma"


class ChatTemplate:
    """A compiled chat_template.jinja."""

    def __init__(self, source: str) -> None:
        """TemplateError if it does not compile within a few seconds and its share of memory."""
        self.can_think = "enable_thinking" in source
        self._stranger = None if source == _own_source() else Stranger(FILE)
        try:
            if self._stranger is None:
                self._template = compile_template(source)
            else:
                self._stranger.compile(source)
        except (RenderingFailed, CheckpointError) as error:
            raise _template_error(error) from error

    def render(self, messages: Sequence[ChatMessage], thinking: bool) -> str:
        """The prompt up to and including the opening of the model's turn; thoughts of earlier turns are left
        out.
        """
        told = [{"role": message.role, "content": message.text} for message in messages]
        try:
            if self._stranger is not None:
                return self._stranger.render(told, thinking)
            return render_template(self._template, told, thinking)
        except (RenderingFailed, CheckpointError) as error:
            raise _template_error(error) from error


@cache
def _own_source() -> str | None:
    try:
        return (bundled_model() / FILE).read_text(encoding="utf-8")
    except OSError:
        return None


def _template_error(error: RenderingFailed | CheckpointError) -> TemplateError:
    if isinstance(error, CheckpointError):
        return TemplateError(error.message, hint=_HINT)
    return TemplateError(f"{FILE} {error}", hint=_HINT)
