"""Authentication: the caller of a request, by API key or address, and its request rate."""

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
    service: Service = request.app.state.service
    return service


Served = Annotated[Service, Depends(service_of)]


async def caller(
    request: Request, service: Served,
    bearer: Annotated[HTTPAuthorizationCredentials | None, Depends(BEARER)],
    header: Annotated[str | None, Depends(HEADER)],
) -> str:  # fmt: skip
    """The name of the caller; the request counts towards its rate.

    Raises
    ------
    Problem
        401 without a known key if the service requires one; 429 above the rate.
    """
    key = bearer.credentials if bearer else header or request.cookies.get(COOKIE)
    name = caller_name(service, key, request.client.host if request.client else "local")
    if service.settings.requires_keys and (wait := service.rates.take(name, time.monotonic())):
        raise Problem(
            429, "too-many-requests", "Too many requests",
            f"a caller may send {service.limits.requests_each:,} requests a minute; retry in {wait:.0f} s",
            {"Retry-After": f"{max(1.0, wait):.0f}"},
        )  # fmt: skip
    return name


def caller_name(service: Service, key: str | None, host: str) -> str:
    """The name of an API key, or the address of the caller if the service requires no key."""
    if key is None and not service.settings.requires_keys:
        return f"host {host}"
    known = find_key(service.keys, key) if key else None
    if known is None:
        what = "no API key was sent" if not key else "this API key is not known"
        raise Problem(
            401, "key", "An API key is required",
            f"{what}; send one as `Authorization: Bearer KEY` (the operator of the service makes it with "
            "`gindex key add NAME`)", {"WWW-Authenticate": "Bearer"},
        )  # fmt: skip
    return f"key {known.name}"


Caller = Annotated[str, Depends(caller)]


async def admin(request: Request, service: Served, name: Caller) -> str:
    """The name of the caller, if it may change the index.

    Raises
    ------
    Problem
        403
    """
    admin_keys = {f"key {key.name}" for key in list_keys(service.keys) if key.admin}
    if name in admin_keys:
        return name
    raise Problem(
        403, "admin", "This key may not change the index",
        "only keys made with `gindex key add NAME --admin` may; ask the operator of the service",
    )  # fmt: skip


Admin = Annotated[str, Depends(admin)]
