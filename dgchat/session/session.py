"""One conversation and its one running generation."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from math import ceil
from threading import Event as Flag

from dgchat.api import fresh_seed
from dgchat.engine.events import (
    CanvasCommitted,
    CanvasStep,
    ChatMessage,
    Engine,
    EngineInfo,
    Event,
    Finished,
    FinishReason,
    GenerationRequest,
    GenerationStats,
)
from dgchat.errors import DgchatError, LoadCancelled, StoreError, as_dgchat_error
from dgchat.session.attachments import Attachment
from dgchat.session.conversation import Conversation, branch_to
from dgchat.session.loading import EngineLoader, Loading
from dgchat.session.prompt_history import PromptHistory
from dgchat.session.refining import Refining
from dgchat.session.store.store import Store
from dgchat.session.store.writer import Ticket
from dgchat.session.titles import title_of
from dgchat.session.turn import Turn, TurnSettings

CHAT_CANVASES = 4
"""Canvases an answer may take when nobody says otherwise."""

_LOAD_POLL_SECONDS = 0.05

CLOSE_SECONDS = 1.0
"""Whoever leaves in the middle of an answer waits so long for its last step."""

TransitionListener = Callable[[Event], object]


class Session:
    """Holds the turns, the settings of the next one, and the engine once it is loaded.

    `load` and `run` are called in a thread; everything else belongs to the screen's. Steps never leave
    through the listener: they are in the turn's trace, where a screen looks when it has time.
    """

    def __init__(
        self,
        engine_loader: EngineLoader,
        settings: TurnSettings | None = None,
        prompts: PromptHistory | None = None,
        store: Store | None = None,
    ) -> None:
        """`store`: where the conversation is kept; None keeps it nowhere."""
        self._engine_loader = engine_loader
        self._engine: Engine | None = None
        self._load_error: DgchatError | None = None
        self._loaded = Flag()
        self.loading = Loading()
        self.info: EngineInfo | None = None
        self.settings = settings or TurnSettings()
        self.conversation = Conversation()
        self.store = store
        self.store_error: StoreError | None = None
        """Why there is no store, if there was to be one."""
        self.unanswered = ""
        """The prompt that a resumed conversation ends with, if it has no answer."""
        self.running: Turn | None = None
        self.edited: Turn | None = None
        """The turn in whose place the next prompt will stand; None if that goes on from the end."""
        self._asked: Ticket | None = None
        self._is_idle = Flag()
        self._is_idle.set()
        self.prompts = prompts or PromptHistory()

    def load(self) -> EngineInfo:
        """Load the engine and say what it is; every failure is a DgchatError, for waiting turns too."""
        try:
            self._engine = self._engine_loader(self.loading)
            self.info = self._engine.info()
        except Exception as error:
            self._load_error = _load_failure(error)
        finally:
            self._loaded.set()
        if self._load_error is not None:
            raise self._load_error
        assert self.info is not None
        return self.info

    def load_again(self) -> bool:
        """Make ready for another `load` if the last one failed or was cancelled; whether it was."""
        if self.is_loading or self._load_error is None:
            return False
        self._load_error, self.loading = None, Loading()
        self._loaded.clear()
        return True

    @property
    def is_loading(self) -> bool:
        """Whether the engine is still on its way."""
        return not self._loaded.is_set()

    @property
    def load_error(self) -> DgchatError | None:
        """Why there is no engine; None while it loads, and once it is there."""
        return self._load_error

    @property
    def turns(self) -> list[Turn]:
        """The turns that the model will remember, the first one first."""
        return self.conversation.branch

    @property
    def canvas_length(self) -> int:
        """Tokens on one canvas; 1 until the model is known."""
        return self.info.canvas_length if self.info else 1

    @property
    def max_steps(self) -> int:
        """The most denoising steps worth asking for: the checkpoint's own."""
        return self.info.sampler.max_denoising_steps if self.info else 1

    @property
    def max_canvases(self) -> int:
        """The most canvases one answer may take: as many as the context holds."""
        return max(1, self.info.context_length // self.canvas_length) if self.info else 1

    @property
    def steps(self) -> int:
        """Denoising steps of the next turn."""
        return self._steps_of(self.settings)

    @property
    def canvases(self) -> int:
        """Canvases the next turn may take: its token limit, rounded up to whole canvases."""
        return self._canvases_of(self.settings)

    @property
    def max_tokens(self) -> int:
        """Token limit of the next turn."""
        return self.canvases * self.canvas_length

    @property
    def adjusted(self) -> str:
        """What the next turn makes of settings that this model cannot take as they are; empty if it can."""
        asked = self.settings
        said: list[str] = []
        if asked.steps is not None and asked.steps != self.steps:
            said.append(f"{self.steps} steps instead of {asked.steps}: the most this model is made for")
        if asked.max_tokens is not None and asked.max_tokens != self.max_tokens:
            said.append(f"{self.max_tokens} tokens instead of {asked.max_tokens}: whole canvases")
        return "; ".join(said)

    @property
    def step_seconds(self) -> float | None:
        """Measured seconds per denoising step, from the latest turn that has any."""
        for turn in reversed(self.turns):
            if turn.finished and turn.finished.stats.denoising_steps:
                return turn.finished.stats.denoise_seconds / turn.finished.stats.denoising_steps
        return None

    def begin(
        self,
        prompt: str,
        replaces: Turn | None = None,
        begun: str = "",
        attachments: tuple[Attachment, ...] = (),
        settings: TurnSettings | None = None,
        refining: Refining | None = None,
    ) -> Turn:
        """A new turn for the prompt, with the settings as they are now unless given; it must then be run.

        The turn it replaces leaves the conversation only when the new one has an answer, and leaves its
        attachments to it. With `begun` the new one goes on from that text; with `refining` it refines a
        draft.
        """
        if self.is_loading and self.loading.cancelled.is_set():
            raise DgchatError("The loading is still being stopped.", hint="send it again in a moment")
        if self.running is not None:
            raise DgchatError("An answer is still being written.", hint="esc stops it and keeps the draft")
        settings = settings or self.settings
        seed = fresh_seed() if settings.seed is None else settings.seed
        attachments = replaces.attachments if replaces else attachments
        turn = Turn(prompt, replace(settings, seed=seed), replaces, begun, attachments, refining=refining)
        stood_here = replaces or self.edited
        turn.parent = stood_here.parent if stood_here else self.conversation.leaf
        self.running, self.edited = turn, None
        self._is_idle.clear()
        self.conversation.title = self.conversation.title or title_of(prompt)
        self._asked = self.store.add_turn(self.conversation, turn) if self.store else None
        return turn

    def run(self, turn: Turn, on_transition: TransitionListener) -> None:
        """Answer the turn, waiting for the engine if need be; a failure ends in `turn.error`."""

        if self._asked is not None:
            self._asked.wait()  # no answer begins before its prompt is on the disk
        try:
            turn.finished = self._answer(turn, on_transition)
        except Exception as error:
            turn.error = as_dgchat_error(error, "The engine failed")
        if self.store is not None:
            self.store.finish_turn(turn).wait()
        self._is_idle.set()

    def conclude(self, turn: Turn) -> None:
        """Take a turn that is over into the conversation; one without an answer is forgotten."""
        self.running = None
        if turn.messages():
            self.conversation.add(turn)
            self._keep_leaf()

    def set_aside(self) -> None:
        """The running turn is over, and the reader has not chosen yet whether it joins the branch that is
        being read: `conclude` takes it in, and until then it is another version.
        """
        turn, self.running = self.running, None
        if turn is not None and turn.messages():
            self.conversation.turns.append(turn)
        self._keep_leaf()

    def cancel(self) -> bool:
        """Ask the running turn to stop within a step; whether there was one."""
        if self.running is None:
            return False
        self.running.cancelled.set()
        return True

    def cancel_loading(self) -> bool:
        """Ask for the loading to stop and to free what it has; whether there was any."""
        if not self.is_loading:
            return False
        self.loading.cancelled.set()
        return True

    def undo(self) -> Turn | None:
        """Take the latest turn out of what is read; it stays another version of what is asked next."""
        if self.running is not None or (turn := self.conversation.take_back()) is None:
            return None
        self._keep_leaf()
        return turn

    def show(self, version: Turn) -> None:
        """Read on from another version of a turn of the conversation."""
        self.conversation.show(version)
        self._keep_leaf()

    def forget(self) -> None:
        """Start the conversation anew; settings stay."""
        self.resume(Conversation())

    def resume(self, conversation: Conversation, unanswered: str = "") -> None:
        """Go on with this conversation, and with its last prompt if that has no answer; settings stay."""
        self.conversation, self.unanswered, self.edited = conversation, unanswered, None

    def rename(self, title: str) -> None:
        """Give the conversation another title, also where it is stored."""
        self.conversation.title = title
        if self.store is not None and self.conversation.id:
            self.store.rename(self.conversation.id, title)

    def close(self) -> int:
        """Stop the answer, keep its draft, and write what is not yet on the disk; how much could not be."""
        if self.cancel():
            self._is_idle.wait(CLOSE_SECONDS)
        return self.store.close() if self.store else 0

    def _keep_leaf(self) -> None:
        if self.store is not None:
            self.store.keep_leaf(self.conversation)

    def _answer(self, turn: Turn, on_transition: TransitionListener) -> Finished:
        def listen(event: Event) -> None:
            turn.record(event)
            if isinstance(event, CanvasCommitted) and self.store is not None:
                self.store.keep_draft(turn)
            if not isinstance(event, CanvasStep):
                on_transition(event)

        engine = self._wait_for_engine(turn)
        if engine is None:
            return Finished("", "", FinishReason.CANCELLED, GenerationStats())
        if turn.refining and turn.refining.engine:
            engine = turn.refining.engine
        turn.model = engine.info().model
        return engine.generate(self._request(turn), listen, turn.cancelled)

    def _steps_of(self, settings: TurnSettings) -> int:
        return min(settings.steps or self.max_steps, self.max_steps)

    def _canvases_of(self, settings: TurnSettings) -> int:
        wanted = settings.max_tokens
        canvases = CHAT_CANVASES if wanted is None else ceil(wanted / self.canvas_length)
        return max(1, min(canvases, self.max_canvases))

    def _wait_for_engine(self, turn: Turn) -> Engine | None:
        while not self._loaded.wait(_LOAD_POLL_SECONDS):
            if turn.cancelled.is_set():
                return None
        if self._load_error is not None:
            raise self._load_error
        return self._engine

    def _request(self, turn: Turn) -> GenerationRequest:
        assert self.info is not None
        system = [ChatMessage("system", turn.settings.system)] if turn.settings.system else []
        earlier = [message for past in branch_to(turn.parent) for message in past.messages()]
        begun = [ChatMessage("assistant", turn.begun)] if turn.begun else []
        request = GenerationRequest(
            messages=(*system, *earlier, ChatMessage("user", turn.question), *begun),
            max_new_tokens=self._canvases_of(turn.settings) * self.canvas_length,
            sampler=replace(turn.settings, steps=self._steps_of(turn.settings)).sampler(self.info.sampler),
            seed=turn.seed,
            thinking=turn.settings.thinking and not begun,
            record_alternatives=turn.settings.alternatives,
        )
        return turn.refining.applied_to(request) if turn.refining else request


def _load_failure(error: Exception) -> DgchatError:
    """What to tell of it; without the traceback, which would keep alive the tensors that were being read."""
    if isinstance(error, LoadCancelled):
        return LoadCancelled("The loading was cancelled.", hint="Send a prompt or /retry to load it again.")
    failure = as_dgchat_error(error, "The model could not be loaded").with_traceback(None)
    failure.__cause__ = failure.__context__ = None
    return failure
