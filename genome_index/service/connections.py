"""Connections of the server: those without a complete request end after a while, and give way to new ones.

The keep-alive time of uvicorn begins after the first answer and ends with the next byte: without more, silent
connections and unfinished headers stay for ever, and as many as are allowed close the service to everybody.
"""

from __future__ import annotations

import asyncio

from uvicorn.protocols.http.h11_impl import H11Protocol

REQUEST_S = 30.0  # from the connection, or the last answer, until the header of a request is complete


class Connection(H11Protocol):
    """One connection of a caller.

    Beyond half of `limit_concurrency`, a new connection ends the one that has been silent longest while the
    service waits for its request, header or body. At `limit_concurrency` uvicorn refuses requests.
    """

    _heard = 0.0  # time of the last byte or answer
    _timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn
        super().connection_made(transport)
        self._expect_request()
        self._make_room()

    def data_received(self, data: bytes) -> None:
        self._heard = self.loop.time()
        super().data_received(data)
        if self._is_answering:
            self._stop_timer()

    def on_response_complete(self) -> None:
        super().on_response_complete()
        if not self._is_answering:
            self._expect_request()

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_timer()
        super().connection_lost(exc)

    @property
    def _is_answering(self) -> bool:
        return self.cycle is not None and not self.cycle.response_complete

    @property
    def _is_awaited(self) -> bool:
        """Whether the service waits for the caller, and not the caller for the service."""
        return not self._is_answering or self.cycle.more_body

    def _expect_request(self) -> None:
        self._stop_timer()
        self._heard = self.loop.time()
        self._timer = self.loop.call_later(REQUEST_S, self.transport.close)

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()

    def _make_room(self) -> None:
        if self.limit_concurrency is None or len(self.connections) <= self.limit_concurrency // 2:
            return
        others = (each for each in self.connections if isinstance(each, Connection) and each is not self)
        awaited = [each for each in others if each._is_awaited]
        if awaited:
            silent = min(awaited, key=lambda each: each._heard)
            self.connections.discard(silent)  # now; uvicorn learns later of the end
            silent.transport.abort()
