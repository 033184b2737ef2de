"""Settings that require API keys, and the refusal to start without them."""

from __future__ import annotations

from genome_index.errors import UsageError
from genome_index.service.settings import ServeSettings


def require_safe(settings: ServeSettings, keys: int) -> None:
    """Refuse to serve other machines, or to enable the write endpoints, without API keys.

    Raises
    ------
    UsageError
    """
    if settings.requires_keys and not keys:
        raise UsageError(
            f"{_why_keys(settings)} an API key, and {settings.data} has none; make one with "
            f"`gindex key add NAME --data {settings.data}`"
        )
    if settings.admin and not keys:
        raise UsageError(
            f"--admin requires an API key that may change the index, and {settings.data} has none; make one "
            f"with `gindex key add NAME --admin --data {settings.data}`"
        )


def _why_keys(settings: ServeSettings) -> str:
    if settings.keys:
        return "--keys requires"
    if not settings.is_local:
        return f"--host {settings.host} admits other machines and requires"
    return f"--allow-host {settings.public_names[0]} admits other machines through a proxy and requires"
