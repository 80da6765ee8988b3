"""How long the fuzzers run: a few hundred examples by default, minutes under `make soak`."""

from __future__ import annotations

import os

from hypothesis import HealthCheck, settings

_CHECKS = (HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.filter_too_much)
_DEFAULT = 100
EXAMPLES = int(os.environ.get("FUZZ_EXAMPLES", _DEFAULT))


def fuzzed_for(share: int) -> settings:
    """So many examples, divided by `share` for what takes longer; without a limit on time or a database."""
    return settings(
        max_examples=max(10, EXAMPLES // share),
        deadline=None,
        derandomize=EXAMPLES <= _DEFAULT,
        suppress_health_check=_CHECKS,
        database=None,
    )


fuzzed = fuzzed_for(1)
