"""Everything that can go wrong, as types: a message, a hint and an exit code. Nothing here renders."""

from __future__ import annotations

from traceback import clear_frames


class DgchatError(Exception):
    """Something a person can understand and act on: `message` says what happened, `hint` what to do."""

    exit_code = 1

    def __init__(self, message: str, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.message} ({self.hint})" if self.hint else self.message


def as_dgchat_error(error: Exception, what: str) -> DgchatError:
    """The error itself if it is one of ours; anything else in one line after `what` failed."""
    if isinstance(error, DgchatError):
        return error
    return DgchatError(f"{what}: {type(error).__name__}: {error}", hint="please report it")


def forget_frames(error: BaseException) -> None:
    """Let go of what the frames of an error hold, for whoever keeps the error; where it was raised stays."""
    chain: BaseException | None = error
    while chain is not None:
        clear_frames(chain.__traceback__)
        chain = chain.__context__


class UsageError(DgchatError):
    """A flag, a setting or an environment the program cannot work with."""

    exit_code = 2


class SettingsError(UsageError):
    """An unknown or malformed setting; the message names the nearest known one."""


class CheckpointError(DgchatError):
    """A checkpoint folder that cannot be opened: the message names the file and, if any, the tensor."""

    exit_code = 3


class LoadCancelled(DgchatError):  # noqa: N818  an outcome that was asked for
    """The loading of a checkpoint was cancelled; what it had loaded is freed."""

    exit_code = 130


class NotDownloadedError(CheckpointError):
    """A checkpoint of the hub that nobody has fetched yet, and that is not fetched unasked."""

    exit_code = 1


class HubError(DgchatError):
    """The hub did not give what it was asked for; the hint is the one thing to do about it."""


class ServerError(DgchatError):
    """A chat server that cannot be reached, refuses, or does not speak as agreed."""


class ModelNotServedError(ServerError):
    """A chat server without the model that is asked for; the hint names those it has."""

    exit_code = 3


class StoppedError(DgchatError):
    """Stopped by ctrl+c or TERM; the message says what is kept."""

    exit_code = 130


class InsufficientMemoryError(DgchatError):
    """A model that does not fit: the message has what it needs and what is free, the hint what does fit."""


class PromptError(DgchatError):
    """A prompt that cannot be encoded, or that is longer than the model's context."""


class TraceError(DgchatError):
    """A stored trace that cannot be read."""


class StoreError(DgchatError):
    """Stored conversations that cannot be read or written; the message says which file and why."""


class StreamError(DgchatError):
    """A line that is none of an answer's stream, or a stream that ends before its answer."""


class TemplateError(CheckpointError):
    """A chat template that does not compile or render."""
