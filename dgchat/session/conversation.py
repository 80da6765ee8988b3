"""The turns of one conversation: a tree, of which one branch is being read."""

from __future__ import annotations

from dataclasses import dataclass, field
from time import time

from dgchat.session.turn import Turn


@dataclass(slots=True, eq=False)
class Conversation:
    """Turns only ever join; what is taken back or edited stays reachable as another version."""

    id: str = ""
    """What a person types to name it; empty as long as it is not stored."""
    title: str = ""
    """Empty until something has been asked."""
    created: float = field(default_factory=time)
    """Seconds since 1970."""
    turns: list[Turn] = field(default_factory=list)
    """Every turn with an answer or a draft, in the order in which they were asked."""
    leaf: Turn | None = None
    """The end of the branch that is being read; None while that is empty."""
    is_named: bool = False
    """Whether the title is a name that only one conversation is to have."""
    damaged: tuple[str, ...] = ()
    """What of the stored turns could not be read and was left out, each with its turn."""

    @property
    def branch(self) -> list[Turn]:
        """The turns that are being read, the first one first."""
        return branch_to(self.leaf)

    def add(self, turn: Turn) -> None:
        """Let the branch end with this turn, behind its parent."""
        if turn not in self.turns[-1:]:  # it was set aside
            self.turns.append(turn)
        self.leaf = turn

    def versions(self, turn: Turn) -> list[Turn]:
        """The turns that stand at the same place, this one among them; the oldest first."""
        return [other for other in self.turns if other.parent is turn.parent]

    def show(self, turn: Turn) -> None:
        """Read on from this turn: along what was asked last behind it, and behind that, to the end."""
        last_behind = {other.parent: other for other in self.turns}
        self.leaf = turn
        while (following := last_behind.get(self.leaf)) is not None:
            self.leaf = following

    def take_back(self) -> Turn | None:
        """End the branch one turn earlier; the turn that is read no more."""
        taken = self.leaf
        if taken is not None:
            self.leaf = taken.parent
        return taken


def branch_to(leaf: Turn | None) -> list[Turn]:
    """A turn and everything before it, the first one first."""
    branch: list[Turn] = []
    while leaf is not None:
        branch.append(leaf)
        leaf = leaf.parent
    return branch[::-1]
