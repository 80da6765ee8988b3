"""URL[:MODEL]: a server's address, and what of it is a model's name."""

from __future__ import annotations

import pytest

from dgchat.errors import UsageError
from dgchat.servers.address import parse_address


@pytest.mark.parametrize(
    ("text", "base", "model"),
    [
        ("http://localhost:8000", "http://localhost:8000/v1", None),
        ("http://localhost:8000/", "http://localhost:8000/v1", None),
        ("http://localhost:8000/v1/", "http://localhost:8000/v1", None),
        ("localhost:8000", "http://localhost:8000/v1", None),
        ("localhost:11434:llama3:8b", "http://localhost:11434/v1", "llama3:8b"),
        ("gpubox:70b", "http://gpubox/v1", "70b"),
        ("http://gpubox:8000:Qwen/Qwen3-8B", "http://gpubox:8000/v1", "Qwen/Qwen3-8B"),
        ("https://api.example.com/v1:deepseek-chat", "https://api.example.com/v1", "deepseek-chat"),
        ("https://example.com/v1beta/openai:gemma", "https://example.com/v1beta/openai", "gemma"),
        ("https://example.com/v1/chat/completions", "https://example.com/v1", None),
        ("http://[::1]:8000:tiny", "http://[::1]:8000/v1", "tiny"),
        ("HTTPS://Example.com", "HTTPS://Example.com/v1", None),
        ("https://example.com/v1:@cf/google/gemma", "https://example.com/v1", "@cf/google/gemma"),
    ],
)
def test_an_address_is_a_base_and_perhaps_a_model(text: str, base: str, model: str | None) -> None:
    address = parse_address(text)
    assert (address.base, address.model) == (base, model)


@pytest.mark.parametrize("text", ["", "http://", "ftp://host", "http://host/v1?key=1", "a b", "http://:8000"])
def test_what_is_no_address_is_said(text: str) -> None:
    with pytest.raises(UsageError, match="no server's address"):
        parse_address(text)


@pytest.mark.parametrize("text", ["http://me:hunter2@host/v1", "hunter2@host"])
def test_an_address_with_a_key_in_it_is_refused_and_not_repeated(text: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse_address(text)
    assert "hunter2" not in str(caught.value)
