"""From settings to a loader: the keeper that is there, one that is started now, or none."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import TextIO

from dgchat.errors import DgchatError
from dgchat.keep.keeper import Keeper, Kept
from dgchat.keep.kept_engine import kept_loader
from dgchat.keep.place import Place, place_of, with_whole_path
from dgchat.keep.talk import STATUS, say
from dgchat.paths import runtime_dir
from dgchat.posix import (
    CAN_KEEP,
    connect,
    listen,
    on_request_to_end,
    private_folder,
    start_detached,
    try_lock,
)
from dgchat.safe_text import visible
from dgchat.session.loading import EngineLoader
from dgchat.settings import Settings

_STATUS_SECONDS = 2.0
"""A keeper that does not say in this time how it is has broken."""

MakeLoader = Callable[[Settings], EngineLoader]


def find_or_start(
    settings: Settings, make_loader: MakeLoader, before_start: Callable[[], None], err: TextIO
) -> EngineLoader:
    """The loader of a one-shot. With `keep` a keeper is started where there is none, after `before_start`,
    which may refuse; without, one that is there is used; with 0, neither. What prevents it goes to `err`.
    """
    if settings.keep == 0 or not CAN_KEEP:
        if settings.keep:
            _explain(err, "this system has no Unix sockets")
        before_start()
        return make_loader(settings)
    settings = with_whole_path(settings)
    place = place_of(settings, runtime_dir(), os.environ)
    if is_kept(place):
        return kept_loader(place, settings.keep, make_loader(settings))
    before_start()
    if not settings.keep:
        return make_loader(settings)
    try:
        private_folder(place.socket.parent)
        kept = Kept(settings, make_loader(settings), settings.keep)
        prevented = start_detached(lambda is_ready: keep(kept, place, is_ready))
    except (DgchatError, OSError) as error:
        prevented = str(error)
    if prevented:
        _explain(err, prevented)
        return make_loader(settings)
    return kept_loader(place, settings.keep, make_loader(settings))


def is_kept(place: Place) -> bool:
    """Whether a keeper of this user answers there."""
    if not place.socket.exists():
        return False
    try:
        with connect(place.socket, _STATUS_SECONDS) as connection:
            say(connection, {"ask": STATUS})
            connection.settimeout(_STATUS_SECONDS)
            return bool(connection.recv(1))
    except OSError:
        return False


def keep(kept: Kept, place: Place, is_ready: Callable[[], None]) -> None:
    """Be the keeper at that place, until its time is over; nothing if another is there already."""
    lock = try_lock(place.lock)
    if lock is None:
        return
    with listen(place.socket) as listening:
        keeper = Keeper(kept)
        on_request_to_end(keeper.stop)
        is_ready()
        try:
            keeper.serve(listening)
        finally:
            place.socket.unlink(missing_ok=True)
            os.close(lock)


def _explain(err: TextIO, why: str) -> None:
    err.write(f"dgchat: the model is not kept: {visible(why, newlines=False)}\n")
