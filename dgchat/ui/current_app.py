"""The running application, with a type that checkers know."""

from __future__ import annotations

from typing import cast

from textual.app import App
from textual.dom import DOMNode


def current_app(node: DOMNode) -> App[None]:
    """The application that a widget or screen belongs to."""
    return cast("App[None]", node.app)  # pyright: ignore[reportUnknownMemberType]
