"""Finds text that reaches a widget without having been made `Content`, which no markup can get out of."""

from __future__ import annotations

import ast
from collections.abc import Iterator

CALLS = frozenset(
    {"notify", "Label", "Static", "Button", "Option", "update", "set_content", "update_content"}
)
"""What shows its first argument, and reads a string as markup."""

NAMES = frozenset(
    {"border_title", "border_subtitle", "title", "sub_title", "tooltip", "placeholder", "label"}
)
"""Attributes and keywords that do so."""


WIDGETS = frozenset({"Button", "Collapsible", "Input", "TextArea", "PromptBox", "Static", "Label", "notify"})
"""What takes them as keywords, besides a widget's own `super().__init__`."""


def unwrapped(source: str) -> list[str]:
    """Line and text of every f-string, sum or `format` that goes straight into a sink."""
    return [f"{node.lineno}: {ast.unparse(node)}" for node in _shown(ast.parse(source)) if _is_made_up(node)]


def _shown(tree: ast.AST) -> Iterator[ast.expr]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            yield from node.args[:1] if name in CALLS else ()
            is_widget = name in WIDGETS or name == "__init__"
            yield from (each.value for each in node.keywords if is_widget and each.arg in NAMES)
        elif isinstance(node, ast.Assign):
            targets = [target for target in node.targets if isinstance(target, ast.Attribute)]
            yield from [node.value] if any(target.attr in NAMES for target in targets) else []


def _is_made_up(node: ast.expr) -> bool:
    if isinstance(node, ast.JoinedStr):
        return any(isinstance(part, ast.FormattedValue) for part in node.values)
    if isinstance(node, ast.BinOp):
        return isinstance(node.op, ast.Mod | ast.Add) and any(map(_is_text, (node.left, node.right)))
    if isinstance(node, ast.IfExp):
        return _is_made_up(node.body) or _is_made_up(node.orelse)
    is_method = isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)
    return is_method and node.func.attr in ("format", "join") and _is_text(node.func.value)


def _is_text(node: ast.expr) -> bool:
    return isinstance(node, ast.JoinedStr) or isinstance(getattr(node, "value", None), str)
