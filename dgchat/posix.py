"""What only POSIX has of all this: forks, locks that end with their process, sockets, modes of terminals,
limits."""

from __future__ import annotations

import os
import signal
import socket
import stat
import struct
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from errno import EACCES
from pathlib import Path

from dgchat.errors import DgchatError

CAN_KEEP = hasattr(os, "fork") and hasattr(socket, "AF_UNIX")
"""Whether this system can do it."""

_BACKLOG = 64
_UIDS = "3i"
"""struct ucred: pid, uid, gid."""


def private_folder(folder: Path) -> Path:
    """The folder, made if need be, for nobody but this user; DgchatError if it is somebody else's."""
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        status = folder.lstat()
        if not stat.S_ISDIR(status.st_mode) or status.st_uid != os.getuid():
            raise DgchatError(f"{folder} belongs to somebody else")
        folder.chmod(0o700)
    except OSError as error:
        raise DgchatError(f"{folder} cannot be used: {error.strerror or error}") from error
    return folder


def make_private_again(paths: Sequence[Path]) -> list[Path]:
    """Take away what others may do there; where that was anything. DgchatError if one is somebody else's."""
    opened: list[Path] = []
    for path in paths:
        try:
            status = path.lstat()
            if status.st_uid != os.getuid():
                raise DgchatError(f"{path} belongs to somebody else")
            if stat.S_IMODE(status.st_mode) & 0o077 and not stat.S_ISLNK(status.st_mode):
                path.chmod(stat.S_IMODE(status.st_mode) & 0o700)
                opened.append(path)
        except OSError as error:
            raise DgchatError(f"{path} cannot be used: {error.strerror or error}") from error
    return opened


def try_lock(file: Path) -> int | None:
    """A descriptor that holds the lock until this process ends or closes it; None if another has it."""
    descriptor = os.open(file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        os.lockf(descriptor, os.F_TLOCK, 0)
    except OSError:
        os.close(descriptor)
        return None
    return descriptor


def lock_alone(descriptor: int) -> bool:
    """Lock an open file for as long as it is open, in this process or one it has forked; False if it is
    locked through another opening of it. Where there are no such locks nothing is locked.
    """
    try:
        import fcntl  # Windows has none
    except ImportError:
        return True
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:
        return True  # a file system without locks
    return True


def listen(path: Path) -> socket.socket:
    """A socket that only this user can connect to; what lay at the path is taken away."""
    path.unlink(missing_ok=True)
    listening = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    mask = os.umask(0o177)
    try:
        listening.bind(str(path))
    finally:
        os.umask(mask)
    listening.listen(_BACKLOG)
    return listening


def connect(path: Path, timeout_seconds: float | None = None) -> socket.socket:
    """A connection to the socket; OSError if nobody listens, or somebody who is not this user."""
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        connection.settimeout(timeout_seconds)
        connection.connect(str(path))
        if path.lstat().st_uid != os.getuid() or not is_own_user(connection):
            raise PermissionError(EACCES, "another user listens", str(path))
    except BaseException:
        connection.close()
        raise
    return connection


def is_own_user(connection: socket.socket) -> bool:
    """Whether the other end runs as this user, as far as the system tells."""
    option = getattr(socket, "SO_PEERCRED", None)
    if option is None:
        return True
    raw = connection.getsockopt(socket.SOL_SOCKET, option, struct.calcsize(_UIDS))
    return struct.unpack(_UIDS, raw)[1] == os.getuid()


def start_detached(work: Callable[[Callable[[], None]], None]) -> str:
    """Run `work` in a process without a terminal, which outlives this one; back when it calls what it is
    given, or has ended without. What prevented it, empty if nothing. To be called from the only thread.
    """
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        _detach_and_run(work, writing)
    os.close(writing)
    os.waitpid(child, 0)
    with open(reading, "rb") as told:  # noqa: PTH123 - a descriptor
        return told.read().decode(errors="replace")


def bound_process(pid: int, more_bytes: int, seconds: int) -> None:
    """Let a process have so many bytes of memory beside those it has, and so many seconds of processor time;
    where another process cannot be bounded, nothing.
    """
    try:
        import resource

        present = int(Path(f"/proc/{pid}/statm").read_text().split()[0]) * resource.getpagesize()
        resource.prlimit(pid, resource.RLIMIT_AS, (present + more_bytes, present + more_bytes))
        resource.prlimit(pid, resource.RLIMIT_CPU, (seconds, seconds))
        resource.prlimit(pid, resource.RLIMIT_CORE, (0, 0))
    except (ImportError, AttributeError, OSError, ValueError):
        return


def on_request_to_end(end: Callable[[], None]) -> None:
    """Call `end` at TERM and HUP; INT is for whoever sits at a terminal."""
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda _number, _frame: end())
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def _detach_and_run(work: Callable[[Callable[[], None]], None], writing: int) -> None:
    """Never returns: the first child leaves at once, the second, in a session of its own, does the work."""
    code = 1
    try:
        os.setsid()
        if os.fork() == 0:
            os.chdir("/")
            _close_all_but(writing)
            try:
                work(lambda: os.close(writing))
            except OSError as error:
                os.write(writing, str(error).encode(errors="replace"))
        code = 0
    finally:
        os._exit(code)


def _close_all_but(kept: int) -> None:
    """Nothing of the one-shot stays open: whoever reads its output must see its end."""
    nowhere = os.open(os.devnull, os.O_RDWR)
    for descriptor in (0, 1, 2):
        os.dup2(nowhere, descriptor)
    most = os.sysconf("SC_OPEN_MAX") if hasattr(os, "sysconf") else 256
    os.closerange(3, kept)
    os.closerange(kept + 1, min(most, 4096))


@contextmanager
def reading_replies(fileno: int) -> Generator[None]:
    """Within, what the terminal replies can be read, and is not shown; OSError if it is none."""
    try:
        import termios
    except ImportError as error:
        raise OSError("this system's terminals cannot be asked") from error
    try:
        before = termios.tcgetattr(fileno)
        quiet = [*before]
        quiet[3] &= ~(termios.ECHO | termios.ICANON)
        termios.tcsetattr(fileno, termios.TCSANOW, quiet)
    except termios.error as error:
        raise OSError(str(error)) from error
    try:
        yield
    finally:
        termios.tcsetattr(fileno, termios.TCSAFLUSH, before)


def restore_line_mode(fileno: int) -> None:
    """Let the terminal take lines again, echo them, and heed its keys."""
    import termios

    attributes = termios.tcgetattr(fileno)
    attributes[0] |= termios.ICRNL | termios.IXON
    attributes[3] |= termios.ECHO | termios.ICANON | termios.ISIG | termios.IEXTEN
    termios.tcsetattr(fileno, termios.TCSANOW, attributes)
