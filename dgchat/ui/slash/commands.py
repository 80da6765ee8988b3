"""What the commands of `session.commands` do on the screen."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Protocol

from dgchat.session.last_turn import cut_turn, describe_stats, last_turn
from dgchat.session.needs import need_idle
from dgchat.session.next_turn import NEXT_TURN_COMMANDS
from dgchat.ui.current_app import current_app
from dgchat.ui.screens.help import HelpScreen
from dgchat.ui.slash.arguments import KnownArguments
from dgchat.ui.slash.conversations import ConversationCommands
from dgchat.ui.slash.copying import CopyCommands
from dgchat.ui.slash.look import LookCommands
from dgchat.ui.slash.prompt import PromptCommands
from dgchat.ui.slash.refine import RefineCommands
from dgchat.ui.slash.replay import ReplayCommands
from dgchat.ui.slash.retrying import RetryCommands
from dgchat.ui.widgets.controls import Controls
from dgchat.ui.widgets.notice import Notice
from dgchat.ui.widgets.title_bar import TitleBar

if TYPE_CHECKING:
    from dgchat.ui.screens.chat import ChatScreen

Handler = Callable[[str], Awaitable[None]]


class CommandGroup(Protocol):
    """The commands of one subject."""

    @property
    def handlers(self) -> dict[str, Handler]:
        """Command name -> what it does; a handler raises DgchatError for an argument it cannot use."""
        ...


class ChatCommands:
    """One method per command of the conversation itself, and the groups of the other subjects."""

    def __init__(self, screen: ChatScreen) -> None:
        self._screen = screen
        self._session = screen.session
        replay = ReplayCommands(screen)
        self.conversations = ConversationCommands(screen, replay.export)
        self._groups: tuple[CommandGroup, ...] = (
            self.conversations,
            LookCommands(screen),
            CopyCommands(screen),
            PromptCommands(screen),
            replay,
            RetryCommands(screen),
            RefineCommands(screen),
        )
        self.choices_of = KnownArguments({"theme": self._theme_names}).of

    @property
    def handlers(self) -> dict[str, Handler]:
        """Command name -> what it does."""
        own = self._own_handlers
        return own | {name: handler for group in self._groups for name, handler in group.handlers.items()}

    @property
    def _own_handlers(self) -> dict[str, Handler]:
        return {
            "help": self._help,
            "new": self._new,
            "clear": self._clear,
            "continue": self._continue,
            "stats": self._stats,
            "quit": self._quit,
            **{name: partial(self._change_next, name) for name in NEXT_TURN_COMMANDS},
        }

    async def run(self, name: str, argument: str) -> None:
        """Run a command of the table."""
        await self.handlers[name](argument)

    def choose_steps(self, steps: int) -> None:
        """Let the next turn take this many denoising steps at most."""
        self._session.settings = replace(self._session.settings, steps=steps)
        self._screen.query_one(Controls).show_settings()

    def choose_tokens(self, tokens: int) -> None:
        """Let the next answer have this many tokens, in whole canvases."""
        self._session.settings = replace(self._session.settings, max_tokens=tokens)
        self._screen.query_one(Controls).show_settings()

    async def _help(self, argument: str) -> None:
        current_app(self._screen).push_screen(HelpScreen(self._screen.keymap))

    async def _new(self, argument: str) -> None:
        need_idle(self._session)
        self._session.forget()
        await self._screen.clear()
        self._screen.query_one(TitleBar).topic = ""
        self._screen.flash("a new conversation")

    async def _clear(self, argument: str) -> None:
        need_idle(self._session)
        await self._screen.clear()
        self._screen.flash("the model still has the conversation; /new starts another")

    async def _change_next(self, name: str, argument: str) -> None:
        said = NEXT_TURN_COMMANDS[name](self._session, argument)
        self._screen.query_one(Controls).show_settings()
        if name == "system" and not argument:
            await self._say(said)
        else:
            self._screen.flash(said)

    async def _continue(self, argument: str) -> None:
        need_idle(self._session)
        turn = cut_turn(self._session)
        await self._screen.course.begin(turn.prompt, replaces=turn, begun=turn.text)

    async def _stats(self, argument: str) -> None:
        await self._say(describe_stats(last_turn(self._session)))

    def _theme_names(self) -> list[str]:
        return sorted(self._screen.look.shelf.themes)

    async def _quit(self, argument: str) -> None:
        self._session.cancel()
        current_app(self._screen).exit()

    async def _say(self, text: str) -> None:
        await self._screen.say(Notice(text))
