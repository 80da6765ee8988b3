"""What the commands of `session.commands` do on the screen."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Protocol

from dgchat.engine.events import MAX_SEED, GenerationStats
from dgchat.errors import UsageError
from dgchat.session.commands import read_number, read_switch
from dgchat.session.presets import preset_of, read_steps
from dgchat.session.turn import Turn
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
            "system": self._system,
            "steps": self._steps,
            "tokens": self._tokens,
            "seed": self._seed,
            "think": self._think,
            "continue": self._continue,
            "stats": self._stats,
            "quit": self._quit,
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
        self._refuse_while_running()
        self._session.forget()
        await self._screen.clear()
        self._screen.query_one(TitleBar).topic = ""
        self._screen.flash("a new conversation")

    async def _clear(self, argument: str) -> None:
        self._refuse_while_running()
        await self._screen.clear()
        self._screen.flash("the model still has the conversation; /new starts another")

    async def _system(self, argument: str) -> None:
        settings = self._session.settings
        if not argument:
            await self._say(f"system: {settings.system}" if settings.system else "there are no instructions")
            return
        system = "" if argument.lower() == "off" else argument
        self._session.settings = replace(settings, system=system)
        self._screen.flash("from the next turn on" if system else "no instructions any more")

    async def _steps(self, argument: str) -> None:
        self._need_model()
        if argument:
            self.choose_steps(read_steps(argument, self._session.max_steps))
        name = preset_of(self._session.steps, self._session.max_steps)
        told = f"{self._session.steps} steps ({name})" if name else f"{self._session.steps} steps"
        self._screen.flash(f"{told}, from the next turn on")

    async def _tokens(self, argument: str) -> None:
        self._need_model()
        most = self._session.max_canvases * self._session.canvas_length
        if argument:
            self.choose_tokens(read_number(argument, "The number of tokens", 1, most))
        told = f"{self._session.max_tokens} tokens, {self._session.canvases} canvases"
        self._screen.flash(f"{told}, from the next turn on")

    async def _seed(self, argument: str) -> None:
        settings = self._session.settings
        if argument:
            is_fresh = argument.lower() == "fresh"
            seed = None if is_fresh else read_number(argument, "The seed", 0, MAX_SEED)
            self._session.settings = settings = replace(settings, seed=seed)
        told = (
            "a fresh seed every turn" if settings.seed is None else f"seed {settings.seed}, until /seed fresh"
        )
        self._screen.flash(told)

    async def _think(self, argument: str) -> None:
        thinking = read_switch(argument, self._session.settings.thinking)
        info = self._session.info
        if thinking and info and not info.can_think:
            raise UsageError(f"{info.model} has no thought channel.")
        self._session.settings = replace(self._session.settings, thinking=thinking)
        self._screen.flash("the model thinks first" if thinking else "the model answers right away")

    async def _continue(self, argument: str) -> None:
        self._refuse_while_running()
        turn = self._last_turn()
        if not turn.is_cut:
            raise UsageError("The last answer was not cut at its limit.", hint="/retry answers again")
        if not turn.text:
            raise UsageError("The answer was cut before its first word.", hint="allow more tokens and /retry")
        await self._screen.course.begin(turn.prompt, replaces=turn, begun=turn.text)

    async def _stats(self, argument: str) -> None:
        await self._say(describe_stats(self._last_turn()))

    def _theme_names(self) -> list[str]:
        return sorted(self._screen.look.shelf.themes)

    async def _quit(self, argument: str) -> None:
        self._session.cancel()
        current_app(self._screen).exit()

    async def _say(self, text: str) -> None:
        await self._screen.say(Notice(text))

    def _last_turn(self) -> Turn:
        if not self._session.turns:
            raise UsageError("There is no answer yet.")
        return self._session.turns[-1]

    def _need_model(self) -> None:
        if self._session.load_error is not None:
            raise UsageError("There is no model.", hint="/retry loads it again")
        if self._session.info is None:
            raise UsageError("The model is still loading.", hint="its ranges are not known yet")

    def _refuse_while_running(self) -> None:
        if self._session.running is not None:
            raise UsageError("An answer is still being written.", hint="esc stops it and keeps the draft")


def describe_stats(turn: Turn) -> str:
    """Every figure of a turn by its name."""
    if turn.finished is None:
        return "no figures"
    stats = turn.finished.stats
    if turn.is_remote:
        return _describe_told(stats)
    lines = [
        f"answer       {stats.generated_tokens} tokens on {stats.canvases} canvases,"
        f" ended by {turn.finished.reason}",
        f"prompt       {stats.prompt_tokens} tokens, {stats.cached_tokens} of them cached,"
        f" {stats.prefill_seconds:.2f} s" + _left_out(turn),
        f"denoising    {stats.denoising_steps} steps, {stats.denoise_seconds:.2f} s,"
        f" {1000 * stats.denoise_seconds / max(1, stats.denoising_steps):.1f} ms/step",
        f"effective    {stats.tokens_per_second:.1f} tok/s: answer tokens per second of waiting",
        f"parallel     {stats.parallel_tokens_per_second:.0f} tok/s: canvas tokens times steps per second",
        f"per forward  {stats.tokens_per_forward:.2f} tokens: the gain over one token at a time",
        f"seed         {turn.seed}",
    ]
    return "\n".join(lines)


def _left_out(turn: Turn) -> str:
    turns = turn.prefilled.dropped_turns if turn.prefilled else 0
    return f"; the {turns} oldest turns were left out" if turns else ""


def _describe_told(stats: GenerationStats) -> str:
    """What is known of an answer that came from a server; 0 stands for what it did not tell."""
    return "\n".join(
        [
            f"answer       {stats.generated_tokens or 'an unknown number of'} tokens",
            f"prompt       {stats.prompt_tokens or 'an unknown number of'} tokens",
            f"waited       {stats.denoise_seconds:.2f} s; steps and seed are the server's own",
        ]
    )
