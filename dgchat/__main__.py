"""`dgchat` and `python -m dgchat`."""

from __future__ import annotations

import sys
from typing import NoReturn


def main() -> NoReturn:
    """Run the command line and leave; ctrl+c during the imports leaves quietly as well."""
    try:
        from dgchat.cli import run  # here, so that an interrupted import is no traceback

        sys.exit(run())
    except KeyboardInterrupt:
        sys.exit(130)


if __name__ == "__main__":
    main()
