"""Puts the branch of a conversation that is being read onto the screen."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING

from textual.widget import Widget

from dgchat.session.conversation import Conversation, branch_to
from dgchat.session.turn import Turn
from dgchat.ui.widgets.title_bar import TitleBar
from dgchat.ui.widgets.transcript import Transcript
from dgchat.ui.widgets.user_message import UserMessage

if TYPE_CHECKING:
    from dgchat.ui.screens.chat import ChatScreen


async def show_branch(screen: ChatScreen, leaf: Turn | None) -> None:
    """Show a turn and what stands before it, the end at once and the rest when the reader comes near it."""
    conversation = screen.session.conversation
    await screen.clear()
    await screen.remove_welcome()
    screen.query_one(TitleBar).topic = conversation.title
    await screen.query_one(Transcript).show(
        [partial(_views_of, screen, conversation, turn) for turn in branch_to(leaf)]
    )


def version_note(conversation: Conversation, turn: Turn) -> str:
    """`version 2 of 3 · /branch shows another`; empty for a turn that has only one."""
    versions = conversation.versions(turn)
    if turn not in versions:
        versions.append(turn)
    if len(versions) == 1:
        return ""
    return f"version {versions.index(turn) + 1} of {len(versions)} · /branch shows another"


def _views_of(screen: ChatScreen, conversation: Conversation, turn: Turn) -> Sequence[Widget]:
    asked = UserMessage(turn.prompt, turn.attachments, version_note(conversation, turn))
    answer = screen.view_of(turn)
    screen.views.put(turn, [asked, answer])
    return asked, answer
