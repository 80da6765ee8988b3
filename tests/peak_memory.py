"""How much memory something takes at its peak, in a process of its own."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

CAN_MEASURE = Path("/proc/self/clear_refs").exists()
"""Only Linux lets a process forget an earlier peak."""

_SCRIPT = """
import sys
from pathlib import Path

def memory(name):
    status = Path("/proc/self/status").read_text()
    return int(status.partition(name + ":")[2].split()[0]) * 1024

{before}
Path("/proc/self/clear_refs").write_text("5")
resting = memory("VmRSS")
{measured}
print(memory("VmHWM") - resting)
"""


def raised_peak(before: str, measured: str, *arguments: object) -> int:
    """Bytes by which the statement `measured` raises the peak of a process that has run `before`; both find
    the arguments in sys.argv.
    """
    script = _SCRIPT.format(before=before, measured=measured)
    command = [sys.executable, "-c", script, *map(str, arguments)]
    return int(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
