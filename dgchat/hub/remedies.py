"""What went wrong on the hub, in one line with the one thing to do about it."""

from __future__ import annotations

import errno

from dgchat.errors import HubError
from dgchat.hub.known import nearest_known

_DISK_IS_FULL = frozenset({errno.ENOSPC, errno.EDQUOT})


def as_hub_error(error: Exception, name: str, revision: str, file: str | None = None) -> HubError:
    """What huggingface_hub raised about `name` at `revision`, or about one `file` of it, as one of ours."""
    from huggingface_hub import errors  # slow to import, and here already

    if isinstance(error, errors.LocalEntryNotFoundError) and isinstance(error.__cause__, Exception):
        error = error.__cause__  # "not in the cache either": what matters is why the hub did not help
    if isinstance(error, errors.GatedRepoError):  # before the classes it derives from
        return HubError(
            f"{name} is gated: its owner wants its terms accepted first",
            hint=f"accept them at {_page(name)}, then log in: hf auth login",
        )
    if isinstance(error, errors.RevisionNotFoundError):
        return HubError(
            f"{name} has no revision {revision}",
            hint=f"leave out --revision, or take a branch, tag or commit from {_page(name)}/commits/main",
        )
    if isinstance(error, errors.OfflineModeIsEnabled):
        return HubError("HF_HUB_OFFLINE is set, so the hub is not asked", hint="unset it to download")
    if isinstance(error, errors.HfHubHTTPError):
        return _answered(error.response.status_code, name)
    transport_error = errors.HfHubHTTPError.__bases__[0]  # httpx.HTTPError, or httpx2's since 2.0
    if isinstance(error, (transport_error, errors.LocalEntryNotFoundError)):
        return HubError(
            f"the hub at {_endpoint()} cannot be reached",
            hint="check the connection and try again; what is in the cache opens without it",
        )
    return _failed_here(error, file or name)


def _failed_here(error: Exception, what: str) -> HubError:
    if isinstance(error, OSError) and error.errno in _DISK_IS_FULL:
        return HubError(
            f"the disk is full: {what} could not be written",
            hint="make room, or put the cache elsewhere: HF_HOME; then pull again",
        )
    words = " ".join(str(error).split()) or type(error).__name__
    return HubError(f"{what}: {words}", hint="pull it again; what is whole is kept")


def _answered(status: int, name: str) -> HubError:
    nearest = nearest_known(name)
    meant = f"did you mean {nearest}? " if nearest else ""
    if status == 401:
        return HubError(
            f"the hub wants to know who asks for {name} (401)",
            hint=f"{meant or 'check the name; '}then log in: hf auth login, or set HF_TOKEN",
        )
    if status == 403:
        return HubError(
            f"this account may not read {name} (403)",
            hint=f"ask for access at {_page(name)}, with a token that may read gated repositories",
        )
    if status == 404:
        return HubError(
            f"there is no repository {name} on the hub (404)",
            hint=meant.strip() or "dgchat models lists the known ones",
        )
    return HubError(f"the hub answered {status} for {name}", hint="that is its own trouble: try again later")


def _page(name: str) -> str:
    return f"{_endpoint()}/{name}"


def _endpoint() -> str:
    from huggingface_hub import constants  # knows the variable that moves it

    return constants.ENDPOINT
