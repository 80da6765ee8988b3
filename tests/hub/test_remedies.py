"""Each way in which the hub can fail is one line with its own remedy."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from huggingface_hub import constants

from dgchat.errors import HubError
from dgchat.hub.download import fetch
from dgchat.hub.repository import look_up
from fake_hub import TINY, FakeHub


def unauthorised(hub: FakeHub, _: pytest.MonkeyPatch) -> None:
    hub.refusal = (401, "")


def gated(hub: FakeHub, _: pytest.MonkeyPatch) -> None:
    hub.refusal = (403, "GatedRepo")


def unknown(hub: FakeHub, _: pytest.MonkeyPatch) -> None:
    hub.repositories.clear()


def without_revision(hub: FakeHub, _: pytest.MonkeyPatch) -> None:
    hub.refusal = (404, "RevisionNotFound")


def offline(_: FakeHub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)


def unreachable(_: FakeHub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(constants, "ENDPOINT", "http://127.0.0.1:9")


FAULTS = [
    (unauthorised, "wants to know who asks", "hf auth login"),
    (gated, "is gated", "accept them at"),
    (unknown, "there is no repository", "dgchat models"),
    (without_revision, "has no revision main", "leave out --revision"),
    (offline, "HF_HUB_OFFLINE is set", "unset it"),
    (unreachable, "cannot be reached", "check the connection"),
]

Fault = Callable[[FakeHub, pytest.MonkeyPatch], None]


def failure(hub: FakeHub, monkeypatch: pytest.MonkeyPatch, fault: Fault) -> HubError:
    fault(hub, monkeypatch)
    with pytest.raises(HubError) as caught:
        look_up(TINY)
    return caught.value


@pytest.mark.parametrize(("fault", "what", "remedy"), FAULTS)
def test_a_fault_is_one_line_that_says_what_to_do(
    hub: FakeHub, monkeypatch: pytest.MonkeyPatch, fault: Fault, what: str, remedy: str
):
    error = failure(hub, monkeypatch, fault)
    assert what in error.message
    assert remedy in str(error.hint)
    assert "\n" not in str(error)
    assert error.exit_code == 1


def test_no_two_remedies_are_the_same(hub: FakeHub, monkeypatch: pytest.MonkeyPatch):
    hints: set[str | None] = set()
    for fault, _, _ in FAULTS[:5]:
        with monkeypatch.context() as patches:
            repositories = dict(hub.repositories)
            hints.add(failure(hub, patches, fault).hint)
            hub.refusal, hub.repositories = None, repositories
    assert len(hints) == 5


@pytest.mark.parametrize("status", [401, 403])
def test_a_gated_repository_is_found_out_at_its_first_file(hub: FakeHub, status: int):
    hub.refusal, hub.refuses_files_only = (status, "GatedRepo"), True
    with pytest.raises(HubError, match="is gated"):
        fetch(TINY)
    assert hub.fetched() == []


def test_an_account_that_may_not_read_is_told_where_to_ask(hub: FakeHub):
    hub.refusal = (403, "")
    with pytest.raises(HubError, match="may not read someone/tiny") as caught:
        look_up(TINY)
    assert TINY in str(caught.value.hint)


def test_a_name_like_a_known_one_is_answered_with_it(hub: FakeHub):
    with pytest.raises(HubError) as caught:
        look_up("nvidia/diffusiongemma-26b-a4b-it-NVFP")
    assert "did you mean nvidia/diffusiongemma-26B-A4B-it-NVFP4?" in str(caught.value)


def test_trouble_of_the_hubs_own_is_named_by_its_number(hub: FakeHub):
    hub.refusal = (503, "")
    with pytest.raises(HubError, match="the hub answered 503") as caught:
        look_up(TINY)
    assert "later" in str(caught.value.hint)
