"""What the extras of pyproject.toml bring, and what to say where it is not installed."""

from __future__ import annotations

from importlib import util

from genome_index.errors import UsageError


def need_installed(what: str, *modules: str, extra: str) -> None:
    """Raise UsageError, with the cure, where `what` needs modules of an extra that are not installed."""
    missing = [name for name in modules if util.find_spec(name) is None]
    if missing:
        several = [", ".join(missing[:-1])] if len(missing) > 1 else []
        named = " and ".join([*several, missing[-1]])
        raise UsageError(f"{what} needs {named}; install with `pip install 'gindex[{extra}]'`")
