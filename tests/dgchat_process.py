"""The dgchat command as a process, with a real engine or a scripted one."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable

DRIVER = """
import json, sys
from collections import deque
import dgchat.api
from scripted_engine import ScriptedEngine

script = json.loads(sys.argv.pop(1))
plan = script.pop("plan", None)
without = script.pop("without", None)
if without:
    from faults.mutations import remove_protection

    remove_protection(without)
if "raises" in script:
    import builtins

    script["error"] = getattr(builtins, script.pop("raises"))(script.pop("words", "broken"))


unloadable = script.pop("unloadable", None)


def load_engine(name, device, on_progress, on_plan, **options):
    if plan:
        on_plan(plan)
    if unloadable:
        from dgchat.errors import CheckpointError

        raise CheckpointError(unloadable)
    engine = ScriptedEngine(**script)
    engine.requests = deque(maxlen=1)  # of many turns they would be most of what is in memory
    engine.load(on_progress)
    return engine


dgchat.api.load_engine = load_engine
from dgchat.__main__ import main
main()
"""

Done = subprocess.CompletedProcess[bytes]
RunDgchat = Callable[..., Done]


def scripted_command(*arguments: str, **script: object) -> list[str]:
    """The command line that runs dgchat with a ScriptedEngine made of the keywords.

    Besides: `plan`, what loading says of memory; `unloadable`, why it fails; `raises` and `words`, the
    built-in error of `fail_at_step`; `without`, the protection of tests/faults/mutations.py that is taken
    away first.
    """
    return [sys.executable, "-c", DRIVER, json.dumps(script), *arguments]


def run_scripted(*arguments: str, stdin: bytes = b"", **script: object) -> Done:
    """Run dgchat with a scripted engine to its end."""
    return _run(scripted_command(*arguments, **script), stdin)


def run_dgchat(*arguments: str, stdin: bytes = b"") -> Done:
    """Run `python -m dgchat` to its end."""
    return _run([sys.executable, "-m", "dgchat", *arguments], stdin)


def _run(command: list[str], stdin: bytes) -> Done:
    return subprocess.run(command, input=stdin, capture_output=True, timeout=120, check=False)
