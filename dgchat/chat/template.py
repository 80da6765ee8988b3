"""The checkpoint's own chat template, rendered in a sandbox."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime
from typing import Any, NoReturn

from jinja2 import TemplateError as JinjaError
from jinja2.sandbox import ImmutableSandboxedEnvironment

from dgchat.engine.events import ChatMessage
from dgchat.errors import TemplateError

_COMPILING_ERRORS = (JinjaError, RecursionError, SyntaxError, ValueError)
"""What a template nested too deeply, or with a number too long, raises besides jinja's own errors."""

_RENDERING_ERRORS = (
    JinjaError,
    ArithmeticError,
    AttributeError,
    LookupError,
    MemoryError,
    RecursionError,
    TypeError,
    ValueError,
)
"""What a template's own expressions may raise."""


def _to_json(value: object, indent: int | None = None, **options: Any) -> str:
    return json.dumps(value, ensure_ascii=False, indent=indent, **options)


def _raise_exception(message: str) -> NoReturn:
    raise JinjaError(message)


def _now(pattern: str) -> str:
    return datetime.now().astimezone().strftime(pattern)


class ChatTemplate:
    """A compiled chat_template.jinja."""

    def __init__(self, source: str) -> None:
        environment = ImmutableSandboxedEnvironment(
            trim_blocks=True, lstrip_blocks=True, extensions=["jinja2.ext.loopcontrols"]
        )
        environment.filters["tojson"] = _to_json  # pyright: ignore[reportUnknownMemberType]
        names: dict[str, object] = {"raise_exception": _raise_exception, "strftime_now": _now}
        environment.globals.update(names)  # pyright: ignore[reportUnknownMemberType]
        self.can_think = "enable_thinking" in source
        try:
            self._template = environment.from_string(source)
        except _COMPILING_ERRORS as error:
            raise TemplateError(f"chat_template.jinja does not compile: {error}") from error

    def render(self, messages: Sequence[ChatMessage], thinking: bool) -> str:
        """The prompt up to and including the opening of the model's turn; thoughts of earlier turns are left
        out.
        """
        try:
            return self._template.render(
                messages=[{"role": message.role, "content": message.text} for message in messages],
                add_generation_prompt=True,
                enable_thinking=thinking,
                bos_token="<bos>",
                eos_token="<eos>",
                tools=None,
            )
        except _RENDERING_ERRORS as error:
            words = str(error) or type(error).__name__
            raise TemplateError(f"chat_template.jinja does not render: {words}") from error
