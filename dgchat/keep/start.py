"""From settings to a loader: the keeper that is there, one that is started now, or none."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable
from typing import TextIO

from dgchat.errors import DgchatError
from dgchat.keep.kept_engine import begin_visit, kept_loader
from dgchat.keep.place import Place, place_of, with_whole_path
from dgchat.paths import runtime_dir
from dgchat.posix import (
    CAN_KEEP,
    listen,
    make_private_again,
    on_request_to_end,
    private_folder,
    start_detached,
    try_lock,
)
from dgchat.safe_text import visible
from dgchat.session.loading import EngineLoader
from dgchat.settings import Settings

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
    try:
        visit = _visit(place, settings.keep, err)
    except DgchatError as error:
        _explain(err, str(error))
        before_start()
        return make_loader(settings)
    if visit is not None:
        return kept_loader(place, settings.keep, make_loader(settings), visit)
    before_start()
    if not settings.keep:
        return make_loader(settings)
    try:
        private_folder(place.socket.parent)
        load, seconds = make_loader(settings), settings.keep
        prevented = start_detached(lambda is_ready: keep(settings, load, seconds, place, is_ready))
    except (DgchatError, OSError) as error:
        prevented = str(error)
    if prevented:
        _explain(err, prevented)
        return make_loader(settings)
    return kept_loader(place, settings.keep, make_loader(settings))


def _visit(place: Place, keep_seconds: int | None, err: TextIO) -> socket.socket | None:
    """A visit to the keeper at that place, None if there is none; DgchatError if it is somebody else's. What
    others could have used is private afterwards.
    """
    if not place.socket.exists():
        return None
    for path in make_private_again([place.socket.parent, place.socket]):
        err.write(f"dgchat: {visible(str(path), newlines=False)} was open to others and is private again\n")
    return begin_visit(place, keep_seconds)


def keep(
    settings: Settings, load: EngineLoader, seconds: int, place: Place, is_ready: Callable[[], None]
) -> None:
    """Be the keeper at that place, until its time is over; nothing if another is there already."""
    from dgchat.keep.keeper import Keeper, Kept  # a call that finds one does without

    lock = try_lock(place.lock)
    if lock is None:
        return
    with listen(place.socket) as listening:
        keeper = Keeper(Kept(settings, load, seconds))
        on_request_to_end(keeper.stop)
        is_ready()
        try:
            keeper.serve(listening)
        finally:
            place.socket.unlink(missing_ok=True)
            os.close(lock)


def _explain(err: TextIO, why: str) -> None:
    err.write(f"dgchat: the model is not kept: {visible(why, newlines=False)}\n")
