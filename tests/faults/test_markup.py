"""No text of anybody is read as markup: not 10,000 strings of its letters, and no sink that forgets."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from random import Random

import pytest
from textual.app import App, ComposeResult
from textual.widgets import Static

import dgchat
from dgchat.errors import DgchatError
from dgchat.session.attachments import Attachment
from dgchat.ui.widgets.answer_text import AnswerText
from dgchat.ui.widgets.notice import Notice
from dgchat.ui.widgets.thought_view import ThoughtView
from dgchat.ui.widgets.user_message import UserMessage
from faults.sinks import unwrapped

ALPHABET = '[]/@=$_ "\\aAzZ0\n'
PIECES = (
    "[@click=app.quit]",
    "[/",
    "[/]",
    "[link=http://x]",
    "[$a @click=b.c]",
    "[bold]",
    "\\[",
    "[A @click=app.bell]",
)
NUM_STRINGS = 10_000
UI = Path(dgchat.__file__).parent / "ui"


def strings(number: int) -> Iterator[str]:
    random = Random(9)
    for _ in range(number):
        letters = "".join(random.choices(ALPHABET, k=random.randint(1, 24)))
        cut = random.randrange(len(letters))
        yield letters[:cut] + random.choice(PIECES) * random.randrange(2) + letters[cut:]


class Shelf(App[None]):
    """Widgets of the chat, each with the same text."""

    def __init__(self, texts: list[str]) -> None:
        super().__init__()
        self._texts = texts

    def compose(self) -> ComposeResult:
        for text in self._texts:
            yield UserMessage(text, [Attachment(text[:20], 7, text)])
            yield Notice.of_error(DgchatError(text, hint=text))
            yield ThoughtView(text)
            yield AnswerText(text)


def spans_that_act(app: App[None]) -> list[str]:
    """Whatever on the screen would do something at a click."""
    rows = app.screen._compositor.render_strips()
    metas = [segment.style.meta for row in rows for segment in row if segment.style]
    links = [segment.style.link for row in rows for segment in row if segment.style and segment.style.link]
    return [str(meta) for meta in metas if any("click" in key for key in meta)] + links


def test_10_000_strings_of_markup_are_letters_and_nothing_else():
    for text in strings(NUM_STRINGS):
        _, words, *_ = UserMessage(text).compose()
        error = Notice.of_error(DgchatError(text, hint=text)).content
        assert (words.content.plain, words.content.spans) == (text, [])
        assert (error.plain, error.spans) == (f"✗ {text} {text}", [])


async def test_on_the_screen_markup_does_nothing_in_messages_errors_thoughts_and_markdown():
    lines = [text.replace("\n", " ") for text in strings(200)]
    app = Shelf(["\n".join(lines[start : start + 50]) for start in range(0, len(lines), 50)])
    async with app.run_test(size=(80, 600)) as pilot:
        await pilot.pause()
        assert spans_that_act(app) == []


@pytest.mark.parametrize("file", sorted(UI.rglob("*.py")), ids=lambda file: str(file.relative_to(UI)))
def test_nothing_made_up_of_parts_reaches_a_widget_as_a_string(file: Path):
    assert unwrapped(file.read_text(encoding="utf-8")) == []


@pytest.mark.parametrize(
    "source",
    [
        "Static(f'{name} is here')",
        "self.notify(f'{error}')",
        "line.update('saved ' + path)",
        "Label('%s' % text)",
        "Label('{}'.format(text))",
        "self.border_title = f'{title}'",
        "Input(placeholder=f'{words}')",
        "Static(f'{a}' if a else 'none')",
    ],
)
def test_the_census_sees_a_sink_that_forgets(source: str):
    assert unwrapped(source)


async def test_a_widget_that_reads_markup_is_seen():
    class Careless(App[None]):
        def compose(self) -> ComposeResult:
            yield Static("[@click=app.bell]press[/]")

    app = Careless()
    async with app.run_test() as pilot:
        await pilot.pause()
        assert spans_that_act(app)
