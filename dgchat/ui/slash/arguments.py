"""The arguments of commands that are a known set."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from dgchat.session.commands import find_command

ChoicesNow = Callable[[], Sequence[str]]


class KnownArguments:
    """What the table of commands says, and what is only known while the program runs."""

    def __init__(self, changing: dict[str, ChoicesNow]) -> None:
        """`changing`: command name -> its arguments as they are now."""
        self._changing = changing

    def of(self, name: str) -> Sequence[str]:
        """The known arguments of a command of the table."""
        now = self._changing.get(name)
        return now() if now else find_command(name).choices
