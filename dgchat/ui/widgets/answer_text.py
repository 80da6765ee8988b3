"""A settled answer as Markdown that cannot do anything but be read."""

from __future__ import annotations

from markdown_it import MarkdownIt
from markdown_it.rules_core import StateCore
from textual.widgets import Markdown

from dgchat.safe_text import visible
from dgchat.ui.widgets.code_block import CodeBlock

_LEFT_AS_TYPED = ["entity", "link", "image", "autolink", "reference"]
"""Rules that are off: a link shows its target, and no entity becomes a character that was not sanitised."""


class AnswerText(Markdown):
    """Model text: sanitised, without links, its line breaks kept."""

    BLOCKS = Markdown.BLOCKS | {"fence": CodeBlock, "code_block": CodeBlock}

    def __init__(self, text: str) -> None:
        super().__init__(visible(text), parser_factory=_make_parser, open_links=False)


def _make_parser() -> MarkdownIt:
    parser = MarkdownIt("gfm-like", {"html": False, "linkify": False})
    parser.disable(_LEFT_AS_TYPED)
    parser.core.ruler.push("keep_line_breaks", _keep_line_breaks)
    return parser


def _keep_line_breaks(state: StateCore) -> None:
    for token in state.tokens:
        for child in token.children or ():
            if child.type == "softbreak":
                child.type, child.tag = "hardbreak", "br"
