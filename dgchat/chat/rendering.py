"""Compiles and renders a chat template, tries a tokenizer; as a program it does so for another process.

It imports nothing of dgchat, so that it can be run by its path, apart from everything: a line of JSON comes
in, a line of JSON goes out. Whoever reads bounds its time and memory.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any, BinaryIO, NoReturn

from jinja2 import Template
from jinja2 import TemplateError as JinjaError
from jinja2.sandbox import ImmutableSandboxedEnvironment

MAX_RENDERED = 64 * 2**20
"""Characters a conversation may be rendered to."""

Message = Mapping[str, str]

_COMPILING_ERRORS = (JinjaError, RecursionError, SyntaxError, ValueError, MemoryError, OverflowError)
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

_SAMPLES = ("Hello, wörld! 世界\n" * 20, "a" * 4000, " " * 4000, "1" * 4000, "a1 \n.\t" * 800, "é🙂" * 1000)
"""Texts that a pattern with a fault takes for ever to split."""


class RenderingFailed(Exception):  # noqa: N818  it carries words, and becomes another error
    """The words say what does not work."""


def compile_template(source: str) -> Template:
    """A template in the sandbox; RenderingFailed if it does not compile."""
    environment = ImmutableSandboxedEnvironment(
        trim_blocks=True, lstrip_blocks=True, extensions=["jinja2.ext.loopcontrols"]
    )
    environment.filters["tojson"] = _to_json  # pyright: ignore[reportUnknownMemberType]
    names: dict[str, object] = {"raise_exception": _raise_exception, "strftime_now": _now}
    environment.globals.update(names)  # pyright: ignore[reportUnknownMemberType]
    try:
        return environment.from_string(source)
    except _COMPILING_ERRORS as error:
        raise RenderingFailed(f"does not compile: {str(error) or type(error).__name__}") from error


def render_template(template: Template, messages: Sequence[Message], thinking: bool) -> str:
    """The prompt up to and including the opening of the model's turn; RenderingFailed if there is none."""
    try:
        text = template.render(
            messages=messages,
            add_generation_prompt=True,
            enable_thinking=thinking,
            bos_token="<bos>",
            eos_token="<eos>",
            tools=None,
        )
    except _RENDERING_ERRORS as error:
        raise RenderingFailed(f"does not render: {str(error) or type(error).__name__}") from error
    if len(text) > MAX_RENDERED:
        raise RenderingFailed(f"does not render: {len(text):,} characters, more than {MAX_RENDERED:,}")
    return text


def try_tokenizer(source: bytes) -> None:
    """Read a tokenizer.json and encode and decode a little; RenderingFailed if that does not work."""
    from tokenizers import Tokenizer  # a template is rendered without

    try:
        tokenizer = Tokenizer.from_buffer(source)
        for sample in _SAMPLES:
            tokenizer.decode(tokenizer.encode(sample, add_special_tokens=False).ids)
    except BaseException as error:  # the panics of its Rust code are one of a type that cannot be imported
        raise RenderingFailed(f"cannot be read: {error}") from error


def main() -> None:
    """Answer requests until there are no more."""
    reads, writes = sys.stdin.buffer, sys.stdout.buffer
    template: list[Template] = []
    tasks: dict[str, Callable[[Any], str | None]] = {
        "compile": lambda source: template.append(compile_template(source)),
        "render": lambda asked: render_template(template[-1], asked["messages"], asked["thinking"]),
        "tokenizer": lambda num_bytes: try_tokenizer(reads.read(num_bytes)),  # behind the line, as it is
    }
    _tell(writes, {"ready": True})
    while line := reads.readline():
        (task, asked), *_ = json.loads(line).items()
        try:
            answer: dict[str, object] = {"text": tasks[task](asked)}
        except RenderingFailed as error:
            answer = {"failed": str(error)[:1000]}
        except MemoryError:
            answer = {"failed": "needs more memory than it may have"}
        _tell(writes, answer)


def _tell(writes: BinaryIO, answer: Mapping[str, object]) -> None:
    writes.write(json.dumps(answer).encode() + b"\n")
    writes.flush()


def _to_json(value: object, indent: int | None = None, **options: Any) -> str:
    return json.dumps(value, ensure_ascii=False, indent=indent, **options)


def _raise_exception(message: str) -> NoReturn:
    raise JinjaError(message)


def _now(pattern: str) -> str:
    return datetime.now().astimezone().strftime(pattern)


if __name__ == "__main__":
    main()
