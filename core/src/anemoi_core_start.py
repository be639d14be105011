"""Where the command ``anemoi`` starts: outside the package ``anemoi``, which another one can hide."""

from __future__ import annotations

import sys


def main() -> int:
    """Run the command line; see :func:`anemoi.core.cli.main`."""
    try:
        from anemoi.core.cli import main as command
    except ModuleNotFoundError as error:
        hidden_by = getattr(sys.modules.get("anemoi"), "__file__", None)
        if error.name != "anemoi.core" or hidden_by is None:
            raise
        sys.stderr.write(
            f"Error: {hidden_by} hides Anemoi: what has that name comes first on the path of Python.\n"
            "Rename it, or remove its folder from PYTHONPATH; if a distribution brought it, uninstall that.\n"
        )
        return 5
    return command()
