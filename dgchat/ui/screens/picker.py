"""Stored conversations to choose from: searched as one types, with a look inside."""

from __future__ import annotations

import asyncio
from time import time
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Container, Vertical, VerticalScroll
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Input, OptionList, Static
from textual.widgets.option_list import Option

from dgchat.errors import DgchatError
from dgchat.safe_text import visible
from dgchat.session.age import age
from dgchat.session.store.records import Summary
from dgchat.session.store.store import Store
from dgchat.ui.screens.picker_preview import describe_conversation, describe_empty

_WIDTHS = [(0, "-stacked"), (100, "-beside")]
_HEIGHTS = [(0, "-short"), (18, "-high")]

_AGE_GAP = 2
"""Cells between an age and the title."""

_SEARCH = "search every word of every conversation"
_HINT = "enter go on · ctrl+t rename · ctrl+d delete · esc close"
_RENAME_HINT = "enter renames · esc leaves it"
_DELETED_HINT = "deleted · ctrl+z brings it back"


class ConversationPicker(ModalScreen[str]):
    """Gives the id of the conversation to go on with; empty if there is none."""

    CSS_PATH = "picker.tcss"
    AUTO_FOCUS = "#picker-search"
    HORIZONTAL_BREAKPOINTS = _WIDTHS
    VERTICAL_BREAKPOINTS = _HEIGHTS
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "close", "close", show=False),
        Binding("up", "move(-1)", "up", show=False, priority=True),
        Binding("down", "move(1)", "down", show=False, priority=True),
        Binding("pageup", "scroll_preview(-1)", "preview up", show=False, priority=True),
        Binding("pagedown", "scroll_preview(1)", "preview down", show=False, priority=True),
        Binding("ctrl+t", "rename", "rename", show=False, priority=True),
        Binding("ctrl+d", "delete", "delete", show=False, priority=True),
        Binding("ctrl+z", "restore", "undo the deletion", show=False, priority=True),
    ]

    def __init__(self, store: Store, present: str) -> None:
        """`present`: the conversation that is on the screen."""
        super().__init__()
        self._store = store
        self._present = present
        self._summaries: list[Summary] = []
        self._renamed: Summary | None = None
        self._doomed: Summary | None = None
        self._deleted: list[str] = []
        self._searched = ""
        self.present_title = ""
        """What the present conversation was renamed to; empty if it was not."""

    @property
    def is_present_deleted(self) -> bool:
        """Whether the conversation that is on the screen was deleted here, and not brought back."""
        return self._present in self._deleted

    def compose(self) -> ComposeResult:
        """What to search for, the list, a look inside, the keys."""
        with Vertical(id="picker"):
            yield Static(Content("conversations"), id="picker-head")
            yield Input(id="picker-search", placeholder=_SEARCH, compact=True)
            with Container(id="picker-body"):
                yield OptionList(id="picker-list")
                with VerticalScroll(id="picker-preview", can_focus=False):
                    yield Static(id="picker-inside")
            yield Static(id="picker-hint")

    async def on_mount(self) -> None:
        """Show the latest ones."""
        self.query_one(Input).cursor_blink = False
        self._say(_HINT)
        await self._search("")

    @on(Input.Changed)
    async def _narrow(self, message: Input.Changed) -> None:
        if self._renamed is None and message.value != self._searched:
            await self._search(message.value)

    @on(Input.Submitted)
    async def _choose(self, message: Input.Submitted) -> None:
        message.stop()
        if self._renamed is not None:
            await self._take_title(self._renamed, message.value.strip())
        elif self._doomed is not None:
            await self._delete_doomed(self._doomed)
        elif summary := self._highlighted:
            self.dismiss(summary.id)

    @on(OptionList.OptionHighlighted)
    async def _look_inside(self) -> None:
        self._doomed = None
        await self._show_preview()

    @on(OptionList.OptionSelected)
    def _choose_clicked(self) -> None:
        if summary := self._highlighted:
            self.dismiss(summary.id)

    def action_move(self, rows: int) -> None:
        """Move in the list while the cursor stays in the search."""
        options = self.query_one(OptionList)
        if options.option_count:
            options.highlighted = ((options.highlighted or 0) + rows) % options.option_count

    def action_scroll_preview(self, direction: int) -> None:
        """Read on in the conversation."""
        preview = self.query_one("#picker-preview", VerticalScroll)
        preview.scroll_relative(y=direction * max(1, preview.size.height - 1), animate=False)

    def action_rename(self) -> None:
        """Let the line take a title."""
        if (summary := self._highlighted) is None:
            return
        self._renamed, self._doomed = summary, None
        self._edit_line(" ".join(summary.title.split()), "title")
        self._say(_RENAME_HINT)

    async def action_delete(self) -> None:
        """Ask first; asked again it is a yes."""
        if (summary := self._highlighted) is None or self._renamed is not None:
            return
        if self._doomed is summary:
            await self._delete_doomed(summary)
            return
        self._doomed = summary
        title = visible(" ".join(summary.title.split()), newlines=False)
        self._say(f"delete “{title}”? enter or ctrl+d deletes · esc keeps it", is_warning=True)

    async def action_restore(self) -> None:
        """Bring back what was deleted last."""
        if not self._deleted:
            self._say("nothing was deleted here")
            return
        await asyncio.to_thread(self._store.restore(self._deleted.pop()).wait)
        await self._search(self._searched)
        self._say("it is back")

    def action_close(self) -> None:
        """Leave the title or the deletion, then the screen."""
        if self._renamed is not None:
            self._renamed = None
            self._edit_line(self._searched, _SEARCH)
        elif self._doomed is not None:
            self._doomed = None
        else:
            self.dismiss("")
        self._say(_HINT)

    @property
    def _highlighted(self) -> Summary | None:
        place = self.query_one(OptionList).highlighted
        return self._summaries[place] if place is not None and place < len(self._summaries) else None

    async def _search(self, text: str) -> None:
        """Show what holds the text, the cursor on what it stood on before if that is among it."""
        self._searched, self._doomed = text, None
        stood_on = self._highlighted.id if self._highlighted else self._present
        try:
            found = await asyncio.to_thread(self._store.summaries, text)
        except DgchatError as error:
            self._say(str(error), is_warning=True)
            return
        if text != self._searched:  # more has been typed meanwhile
            return
        self._summaries = found
        options = self.query_one(OptionList)
        options.clear_options()
        ages = [age(summary.changed, time()) for summary in found]
        width = max(map(len, ages), default=0) + _AGE_GAP
        rows = zip(found, ages, strict=True)
        options.add_options([Option(_row(summary, told.ljust(width))) for summary, told in rows])
        places = [place for place, summary in enumerate(found) if summary.id == stood_on]
        options.highlighted = (places[0] if places else 0) if found else None
        self._show_head()
        if not found:
            await self._show_preview()

    async def _show_preview(self) -> None:
        summary, inside = self._highlighted, self.query_one("#picker-inside", Static)
        if summary is None:
            inside.update(describe_empty(self._searched))
            return
        try:
            conversation, _ = await asyncio.to_thread(self._store.load, summary.id)
        except DgchatError as error:
            inside.update(Content(visible(str(error))))
            return
        if summary is self._highlighted:
            inside.update(describe_conversation(summary, conversation, self._searched))
            self.query_one("#picker-preview", VerticalScroll).scroll_home(animate=False)

    async def _take_title(self, summary: Summary, title: str) -> None:
        self._renamed = None
        self._edit_line(self._searched, _SEARCH)
        if title:
            if summary.id == self._present:
                self.present_title = title
            await asyncio.to_thread(self._store.rename(summary.id, title).wait)
            await self._search(self._searched)
        self._say("renamed" if title else _HINT)

    async def _delete_doomed(self, summary: Summary) -> None:
        self._doomed = None
        await asyncio.to_thread(self._store.delete(summary.id).wait)
        self._deleted.append(summary.id)
        await self._search(self._searched)
        self._say(_DELETED_HINT)

    def _edit_line(self, text: str, placeholder: str) -> None:
        line = self.query_one(Input)
        line.placeholder = placeholder
        with line.prevent(Input.Changed):
            line.value = text
        line.cursor_position = len(text)
        line.set_class(self._renamed is not None, "-naming")

    def _show_head(self) -> None:
        count = len(self._summaries)
        told = f"{count} found" if self._searched.strip() else str(count)
        self.query_one("#picker-head", Static).update(
            Content.assemble(("conversations", "bold"), "  ", (told, "$muted"))
        )

    def _say(self, words: str, *, is_warning: bool = False) -> None:
        hint = self.query_one("#picker-hint", Static)
        hint.update(Content(visible(words, newlines=False)))
        hint.set_class(is_warning, "-warning")


def _row(summary: Summary, changed: str) -> Content:
    title = visible(" ".join(summary.title.split()), newlines=False) or "untitled"
    found = visible(" ".join(summary.found.split()), newlines=False)
    parts = [(changed, "$muted"), (title, "")]
    return Content.assemble(*parts, *([(f"\n    {found}", "$muted")] if found else []))
