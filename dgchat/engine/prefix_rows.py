"""What answers that are denoised together stand on: a prefix for each of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

from dgchat.engine.encode import encode, encode_rows
from dgchat.engine.events import CancelSignal
from dgchat.engine.kv_cache import KVCache
from dgchat.engine.ragged_prefix import RaggedPrefix
from dgchat.model.transformer import DiffusionGemma, Prefix


class PrefixRows(Protocol):
    """Rows 0, 1, ... without a gap, one for each answer."""

    @property
    def prefix(self) -> Prefix:
        """All rows as they are now, for one pass of the network."""
        ...

    def add(self) -> None:
        """Make a row for one more answer, after the others."""
        ...

    def encode(self, token_ids: Mapping[int, Sequence[int]]) -> None:
        """Add token ids to the rows they are given for; what is encoded when a cancel comes stays."""
        ...

    def remove(self, row: int) -> None:
        """Give up the row of an answer that is over; the last row takes its place."""
        ...


class ConversationRow:
    """The cache of a conversation as the only row: it outlives the answer, and can go back to the end of the
    prompt.
    """

    def __init__(
        self,
        model: DiffusionGemma,
        cache: KVCache,
        prompt_length: int,
        cancelled: CancelSignal,
        on_chunk: Callable[[int], object] = lambda length: None,
    ) -> None:
        """`on_chunk` is told how long the prefix is before each chunk of what is encoded in several."""
        self._model = model
        self._cache = cache
        self._prompt_length = prompt_length
        self._cancelled = cancelled
        self._on_chunk = on_chunk

    @property
    def prefix(self) -> Prefix:
        """The cache."""
        return self._cache

    def add(self) -> None:
        """There is a row already."""

    def encode(self, token_ids: Mapping[int, Sequence[int]]) -> None:
        """Add token ids, and keep the way back to the end of the prompt open."""
        encode(self._model, self._cache, token_ids[0], self._cancelled, self._on_chunk)
        if self._cache.length == self._prompt_length:
            self._cache.snapshot()

    def remove(self, row: int) -> None:
        """What is encoded stays for the next prompt."""


class AnswerRows:
    """Rows of answers that have nothing in common and leave nothing behind."""

    def __init__(self, model: DiffusionGemma, prefix: RaggedPrefix, cancelled: CancelSignal) -> None:
        self._model = model
        self._ragged = prefix
        self._cancelled = cancelled

    @property
    def prefix(self) -> Prefix:
        """All rows at their present lengths."""
        return self._ragged.all_rows()

    def add(self) -> None:
        """An empty row."""
        self._ragged.add()

    def encode(self, token_ids: Mapping[int, Sequence[int]]) -> None:
        """Add token ids to several rows in the same passes."""
        encode_rows(self._model, self._ragged, token_ids, self._cancelled)

    def remove(self, row: int) -> None:
        """Forget a row."""
        self._ragged.remove(row)
