"""The checkpoint's own chat template: our own is rendered here, a stranger's in a process of its own."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

from dgchat.chat.rendering import RenderingFailed, compile_template, render_template
from dgchat.chat.stranger import Stranger, is_our_own
from dgchat.engine.events import ChatMessage
from dgchat.errors import CheckpointError, TemplateError

FILE = "chat_template.jinja"
_HINT = "that of the bundled model, copied over it, serves any DiffusionGemma"


class ChatTemplate:
    """A compiled chat_template.jinja."""

    def __init__(self, source: str) -> None:
        """TemplateError if it does not compile within a few seconds and its share of memory."""
        self.can_think = "enable_thinking" in source
        try:
            self._render = _renderer(source)
        except (RenderingFailed, CheckpointError) as error:
            raise _template_error(error) from error

    def render(self, messages: Sequence[ChatMessage], thinking: bool) -> str:
        """The prompt up to and including the opening of the model's turn; thoughts of earlier turns are left
        out.
        """
        told = [{"role": message.role, "content": message.text} for message in messages]
        try:
            return self._render(told, thinking)
        except (RenderingFailed, CheckpointError) as error:
            raise _template_error(error) from error


def _renderer(source: str) -> Callable[[list[dict[str, str]], bool], str]:
    if is_our_own(FILE, source):
        return partial(render_template, compile_template(source))
    stranger = Stranger(FILE)
    stranger.compile(source)
    return stranger.render


def _template_error(error: RenderingFailed | CheckpointError) -> TemplateError:
    if isinstance(error, CheckpointError):
        return TemplateError(error.message, hint=_HINT)
    return TemplateError(f"{FILE} {error}", hint=_HINT)
