"""Text to token ids and back, with special tokens that nobody can type."""

from __future__ import annotations

import re
from collections.abc import Collection, Generator, Iterable, Iterator, Sequence
from contextlib import contextmanager
from itertools import groupby

from tokenizers import Tokenizer

from dgchat.chat.stranger import is_our_own, try_tokenizer
from dgchat.errors import CheckpointError, PromptError

_PART = "\ufffd"
"""What a token is decoded to that is a part of a character."""

_PRIVATE_USE = range(0xE000, 0xF900)


@contextmanager
def _naming_the_file(failed: str) -> Generator[None]:
    """Make a CheckpointError of whatever the library raises: bare Exceptions, and the panics of its Rust
    code, which are a BaseException of a type that cannot be imported.
    """
    try:
        yield
    except BaseException as error:
        if isinstance(error, Exception) or type(error).__name__ == "PanicException":
            raise CheckpointError(f"tokenizer.json {failed}: {error}") from error
        raise


def _unused_character(text: str) -> str:
    used = set(text)
    for code in _PRIVATE_USE:
        if chr(code) not in used:
            return chr(code)
    raise PromptError(
        f"the conversation holds all {len(_PRIVATE_USE)} private-use characters, U+E000 to U+F8FF",
        hint="leave one of them out",
    )


def _runs_of_parts(pieces: Sequence[str]) -> Iterator[tuple[int, int]]:
    """Begin and end of each run of tokens that are parts of characters."""
    first = 0
    for is_part, run in groupby(pieces, key=lambda piece: piece == _PART):
        end = first + len(list(run))
        if is_part:
            yield first, end
        first = end


class ChatTokenizer:
    """A checkpoint's tokenizer. Special tokens come from the template; typed ones are text."""

    def __init__(self, tokenizer: Tokenizer, end_ids: Collection[int]) -> None:
        self._tokenizer = tokenizer
        self._tokenizer.encode_special_tokens = True
        self._tokenizer.no_truncation()
        self._tokenizer.no_padding()
        self.end_ids = frozenset(end_ids)
        added = tokenizer.get_added_tokens_decoder()
        self._specials = {token.content: number for number, token in added.items() if token.special}
        self.special_ids = frozenset(self._specials.values())
        longest_first = sorted(self._specials, key=len, reverse=True)
        self._special_pattern = re.compile("|".join(map(re.escape, longest_first)) or r"(?!)")
        self._pieces: dict[int, str] = {}

    @classmethod
    def from_json(cls, text: str, end_ids: Collection[int]) -> ChatTokenizer:
        """Read tokenizer.json; one that is not the bundled model's is tried in another process before."""
        if not is_our_own("tokenizer.json", text):
            try_tokenizer(text)
        with _naming_the_file("cannot be read"):
            return cls(Tokenizer.from_str(text), end_ids)

    @property
    def size(self) -> int:
        """Number of tokens."""
        return self._tokenizer.get_vocab_size()

    def special_id(self, token: str) -> int | None:
        """Id of a special token, None if this tokenizer has none of that spelling."""
        return self._specials.get(token)

    def guard(self, texts: Iterable[str]) -> tuple[list[str], str]:
        """The texts with a mark in every spelled-out special token, and the mark, which none of them holds.

        `encode` takes the mark out again: so that a rendered template shows which special tokens are its own.
        PromptError if the texts leave no private-use character for it.
        """
        texts = list(texts)
        mark = _unused_character("".join(texts))
        return [self._special_pattern.sub(lambda m: m[0][0] + mark + m[0][1:], text) for text in texts], mark

    def encode(self, rendered: str, mark: str) -> list[int]:
        """Ids of a rendered template: its own special tokens as such, everything else as text."""
        ids: list[int] = []
        end = 0
        for match in self._special_pattern.finditer(rendered):
            ids += self._encode_text(rendered[end : match.start()].replace(mark, ""))
            ids.append(self._specials[match[0]])
            end = match.end()
        return ids + self._encode_text(rendered[end:].replace(mark, ""))

    def decode(self, token_ids: Sequence[int]) -> str:
        """Text of token ids, special tokens left out."""
        plain = [i for i in token_ids if i not in self.special_ids]
        with _naming_the_file("cannot decode"):
            return self._tokenizer.decode(plain, skip_special_tokens=True)

    def piece(self, token_id: int) -> str:
        """Text of one token for drawing; untrusted, and `U+FFFD` where the token is part of a character."""
        if token_id not in self._pieces:
            with _naming_the_file("cannot decode"):
                self._pieces[token_id] = self._tokenizer.decode([token_id], skip_special_tokens=False)
        return self._pieces[token_id]

    def join_parts(self, token_ids: Sequence[int], pieces: Sequence[str]) -> tuple[tuple[int, int, str], ...]:
        """Where tokens that are parts of characters make whole ones together: begin, end, and the text.

        A run that is not whole yet is left out: its `pieces` are `U+FFFD` each.
        """
        if _PART not in pieces:
            return ()
        runs = [(first, end, self.decode(token_ids[first:end])) for first, end in _runs_of_parts(pieces)]
        return tuple(run for run in runs if _PART not in run[2])

    def _encode_text(self, text: str) -> list[int]:
        if not text:
            return []
        with _naming_the_file("cannot encode"):
            # the batch call lets other threads run while it works; the plain one does not
            return self._tokenizer.encode_batch_fast([text], add_special_tokens=False)[0].ids
