"""Who asks: the name of an API key, or this machine. Each has a share of the requests."""

from __future__ import annotations

import time
from typing import Annotated

from fastapi import Depends, Request
from fastapi.security import APIKeyHeader, HTTPAuthorizationCredentials, HTTPBearer

from genome_index.service.api_keys import find_key, list_keys
from genome_index.service.problems import Problem
from genome_index.service.state import Service

COOKIE = "gindex-key"
BEARER = HTTPBearer(auto_error=False, description="An API key, made with `gindex key add NAME`.")
HEADER = APIKeyHeader(name="X-API-Key", auto_error=False)


async def service_of(request: Request) -> Service:
    found: Service = request.app.state.service
    return found


Served = Annotated[Service, Depends(service_of)]


async def caller(
    request: Request, service: Served,
    bearer: Annotated[HTTPAuthorizationCredentials | None, Depends(BEARER)],
    header: Annotated[str | None, Depends(HEADER)],
) -> str:  # fmt: skip
    """Who asks, by name; counted.

    Raises
    ------
    Problem
        401 without a key that is known, where one is asked for; 429 beyond the caller's share.
    """
    key = bearer.credentials if bearer else header or request.cookies.get(COOKIE)
    name = who(service, key, request.client.host if request.client else "local")
    if service.settings.asks_for_keys and (wait := service.rates.take(name, time.monotonic())):
        raise Problem(
            429, "too-many-requests", "Too many requests",
            f"a caller may ask {service.limits.requests_each:,} times a minute; ask again in {wait:.0f} s",
            {"Retry-After": f"{max(1.0, wait):.0f}"},
        )  # fmt: skip
    return name


def who(service: Service, key: str | None, host: str) -> str:
    """The name of a key, or of the machine that asks where no key is asked for."""
    if key is None and not service.settings.asks_for_keys:
        return f"host {host}"
    known = find_key(service.keys, key) if key else None
    if known is None:
        what = "no API key was sent" if not key else "this API key is not known"
        raise Problem(
            401, "key", "An API key is needed",
            f"{what}; send one as `Authorization: Bearer KEY` (whoever runs the service makes it with "
            "`gindex key add NAME`)", {"WWW-Authenticate": "Bearer"},
        )  # fmt: skip
    return f"key {known.name}"


Caller = Annotated[str, Depends(caller)]


async def may_change(request: Request, service: Served, name: Caller) -> str:
    """The caller, if it may change the index.

    Raises
    ------
    Problem
        403
    """
    own = name.removeprefix("key ")
    admin = {key.name for key in list_keys(service.keys) if key.admin}
    if name.startswith("key ") and own in admin:
        return name
    raise Problem(
        403, "admin", "This key may not change the index",
        "only keys that were made with `gindex key add NAME --admin` may; ask whoever runs the service",
    )  # fmt: skip


Admin = Annotated[str, Depends(may_change)]
