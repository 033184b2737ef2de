"""Small request bodies besides sequences: read after the check of the key, up to a size and a time.

FastAPI reads the body of a route that declares one before anything else, whoever sends it and however large
it is. So no route declares a body; each reads its own, here or in submit.py.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

from starlette.requests import Request

from genome_index.service.problems import Problem

MOST_BYTES = 64_000  # a key and an address, or the names of a genome
MOST_S = 10.0
MOST_FIELDS = 10


async def small_body(request: Request) -> bytes:
    """The body of a request.

    Raises
    ------
    Problem
        413 above MOST_BYTES; 408 after MOST_S seconds.
    """
    body = bytearray()
    try:
        async with asyncio.timeout(MOST_S):
            async for block in _blocks(request):
                body += block
    except TimeoutError:
        raise Problem(
            408, "too-late", "The request took too long",
            f"its body was incomplete after {MOST_S:.0f} s; send the request again",
        ) from None  # fmt: skip
    return bytes(body)


async def small_form(request: Request) -> dict[str, str]:
    """The fields of a form without files; errors as in `small_body`."""
    message = {"type": "http.request", "body": await small_body(request), "more_body": False}

    async def receive() -> dict[str, object]:
        return message

    read = Request(request.scope, receive)
    async with read.form(max_files=0, max_fields=MOST_FIELDS, max_part_size=MOST_BYTES) as form:
        return {name: value for name, value in form.items() if isinstance(value, str)}


async def _blocks(request: Request) -> AsyncIterator[bytes]:
    """The blocks of a body, as long as they are small together."""
    declared = request.headers.get("content-length", "")
    size = int(declared) if declared.isdecimal() else 0
    if size > MOST_BYTES:
        raise _too_large(size)
    size = 0
    async for block in request.stream():
        size += len(block)
        if size > MOST_BYTES:
            raise _too_large(size)
        yield block


def _too_large(size: int) -> Problem:
    return Problem(
        413, "too-large", "The request is too large",
        f"its body has {size:,} bytes or more, {MOST_BYTES:,} are allowed; sequences go to POST /v1/queries",
    )  # fmt: skip
