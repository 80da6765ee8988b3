"""A store in a folder of its own, and a second window on it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from dgchat.session.store.store import Store, store_path


@pytest.fixture
def store() -> Iterator[Store]:
    opened = Store(store_path())
    yield opened
    opened.close()


@pytest.fixture
def reopened() -> Iterator[Store]:
    """Another window on the same conversations."""
    opened = Store(store_path())
    yield opened
    opened.close()
