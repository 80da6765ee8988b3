"""Sizes as people read them."""

from __future__ import annotations

_UNITS = ((1e9, "GB"), (1e6, "MB"), (1e3, "kB"))


def rounded(num_bytes: int) -> str:
    """`18.8 GB`, `34.1 MB` or `1.2 kB`."""
    unit, name = next((unit, name) for unit, name in _UNITS if num_bytes >= unit / 10 or unit == 1e3)
    return f"{num_bytes / unit:.1f} {name}"


def exact(num_bytes: int) -> str:
    """`18,823,855,888 bytes (18.8 GB)`."""
    return f"{num_bytes:,} bytes ({rounded(num_bytes)})"
