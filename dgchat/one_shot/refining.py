"""`--refine` and `--refine-with`: an answer is a draft that is gone over again."""

from __future__ import annotations

import time
from dataclasses import dataclass

from dgchat.engine.events import Engine, EngineInfo, Finished, FinishReason, GenerationRequest
from dgchat.errors import DgchatError, UsageError, as_dgchat_error
from dgchat.one_shot.answering import Answering
from dgchat.servers.address import parse_address
from dgchat.session.loading import Loading
from dgchat.session.refining import DEFAULT_NOISE_LEVEL, Refining
from dgchat.session.turn import Turn
from dgchat.settings import REFINE_KEY, read_key
from dgchat.stream.answered import Answered


@dataclass(frozen=True, slots=True)
class RefineWish:
    passes: int = 0
    """How often the model goes over its answer."""
    noise: float | None = None
    """Noise level of every such pass; None for the usual one."""
    server: str | None = None
    """URL[:MODEL] of a server that goes over the answer at last."""

    def __post_init__(self) -> None:
        """UsageError if it makes no sense."""
        if self.noise is not None and not self.passes:
            raise UsageError("--noise-level says how much --refine thinks over", hint="add --refine 1")
        if self.server is not None:
            parse_address(self.server)

    @property
    def rounds(self) -> int:
        """How many times the answer is gone over."""
        return self.passes + (self.server is not None)


class RefiningFailedError(DgchatError):
    """An answer is there, and could not be gone over as was asked."""

    def __init__(self, cause: DgchatError) -> None:
        super().__init__(f"the answer is a draft, its refining failed: {cause.message}", cause.hint)
        self.exit_code = cause.exit_code


class RefineRound:
    """One time that an answer is gone over; looked on and stopped as `Answering` is."""

    is_loaded = True

    def __init__(self, draft: Answering | RefineRound, wish: RefineWish, number: int) -> None:
        """`number` counts from 1; `draft` has been run."""
        assert draft.engine is not None
        assert draft.request is not None
        self.loading = Loading()
        self.turn = Turn(draft.turn.prompt, draft.turn.settings)
        self.canvases = draft.canvases
        self.engine: Engine = draft.engine
        self.request: GenerationRequest = draft.request
        self.noise_level: float | None = None
        self.seconds = 0.0
        if number > wish.passes and wish.server is not None:
            self.engine = _server(wish.server, draft.answered().finished.text)
        else:
            self.noise_level = DEFAULT_NOISE_LEVEL if wish.noise is None else wish.noise
            refining = Refining(draft.canvases, self.noise_level, number)
            self.request = refining.applied_to(draft.request)

    @property
    def info(self) -> EngineInfo:
        """Who goes over it."""
        return self.engine.info()

    def stop_answer(self) -> bool:
        """As `Answering.stop_answer`."""
        if self.turn.cancelled.is_set():
            return False
        self.turn.cancelled.set()
        return True

    def run(self) -> None:
        """Refine; afterwards `turn.finished` is set. DgchatError says what went wrong."""
        began = time.monotonic()
        try:
            done = self.engine.generate(self.request, self.turn.record, self.turn.cancelled)
        except Exception as error:
            raise as_dgchat_error(error, "The refining failed") from error
        self.seconds = time.monotonic() - began
        self.canvases = self.turn.trace.final_canvases(done.stats.canvases, self.canvases)
        self.turn.finished = done

    def answered(self) -> Answered:
        """The refined answer, once `run` is over."""
        assert self.turn.finished is not None
        return Answered.of(self.turn.finished, self.request, self.info)


@dataclass(frozen=True, slots=True)
class Refined:
    """An answer and what became of it."""

    draft: Answering
    rounds: tuple[RefineRound, ...] = ()
    """In order; the last may have been stopped."""
    failure: RefiningFailedError | None = None
    """Why there are fewer rounds than were asked for."""

    @property
    def is_stopped(self) -> bool:
        """Whether somebody stopped it, at whatever point."""
        latest = self.rounds[-1] if self.rounds else self.draft
        return _is_cancelled(latest)

    @property
    def result(self) -> Answering | RefineRound:
        """What to show for it: the last answer that nobody stopped, else the draft."""
        whole = [one for one in self.rounds if not _is_cancelled(one)]
        return whole[-1] if whole else self.draft

    def as_fields(self) -> dict[str, object]:
        """Draft and refinements with their times in seconds, and the error where one failed, as `--json` has
        them; nothing if none was asked for.
        """
        if not self.rounds and self.failure is None:
            return {}
        refined = [
            {"by": one.info.model, "on": one.info.device, "noise": one.noise_level, **_told(one)}
            for one in self.rounds
        ]
        error = {"error": str(self.failure)} if self.failure else {}
        return {"draft": _told(self.draft), "refined": refined, **error}


def _told(one: Answering | RefineRound) -> dict[str, object]:
    finished = one.answered().finished
    return {
        "text": finished.text,
        "thought": finished.thought,
        "finish_reason": finished.reason.value,
        "denoising_steps": finished.stats.denoising_steps,
        "seconds": one.seconds,
    }


def _is_cancelled(one: Answering | RefineRound) -> bool:
    finished: Finished | None = one.turn.finished
    return finished is not None and finished.reason is FinishReason.CANCELLED


def _server(address: str, draft: str) -> Engine:
    from dgchat.engine.refine_with import RefiningServer  # brings httpx2, which few one-shots need

    return RefiningServer(address, read_key(REFINE_KEY), draft)
