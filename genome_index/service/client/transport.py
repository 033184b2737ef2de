"""Requests to a gindex service: one complete answer or a ServiceError, retried where a retry may help.

Every request may be sent twice: reading changes nothing, deleting twice equals deleting once, and a query
carries a key (Idempotency-Key) by which the service recognises it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO
from urllib.parse import urlsplit

from genome_index.errors import GindexError, InputError, UsageError, need_installed
from genome_index.io.retries import RetryPolicy, retry_after_s
from genome_index.service.settings import LOOPBACK

if TYPE_CHECKING:
    import httpx

RETRIED = (429, 502, 503, 504)  # too many requests; busy or starting; a proxy whose service restarts
FIRST_WAIT_S = 0.5  # before the second try; doubles with each
LONGEST_WAIT_S = 10.0  # unless the service requires more
CONNECT_S = 10.0  # to make a connection; only the answer may take long


class ServiceError(GindexError):
    """A service refused, failed, or could not be reached; the sentence says what to do."""

    def __init__(
        self, title: str, detail: str, status: int = 0, kind: str = "", again_s: float | None = None
    ) -> None:
        self.title, self.detail = title, detail
        self.status = status  # of HTTP; 0 where no answer came, or an accepted query failed
        self.kind = kind  # last part of the problem's type, such as `too-large`; stable, unlike the wording
        self.again_s = again_s  # seconds after which a retry may help; None where none does
        self.tries = 1
        super().__init__(detail)


@dataclass(frozen=True)
class Request:
    """A request to a service."""

    path: str
    method: str = "GET"
    params: Mapping[str, str | int | float | bool | None] = field(default_factory=dict)  # None: not given
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes | Path | None = None
    held_s: float = 0.0  # how long the service may hold the request, beyond the usual time of an answer


class Transport:
    """A connection to one service, kept open between requests."""

    def __init__(self, url: str, key: str | None, timeout_s: float, patience_s: float) -> None:
        need_installed("the client", "httpx", extra="serve")
        import httpx

        self.url, self._timeout_s = url.rstrip("/"), timeout_s
        self._retries = RetryPolicy(FIRST_WAIT_S, LONGEST_WAIT_S, total_wait_s=patience_s)
        self._answered = False  # or connected: something listened at the address
        self._http = httpx.Client(
            headers={"Authorization": f"Bearer {_checked_key(key)}"} if key else {},
            trust_env=_host_of(url) not in LOOPBACK,  # no proxy leads back to this machine
        )

    def close(self) -> None:
        self._http.close()

    def json(self, request: Request, *needed: str) -> dict[str, Any]:
        """The JSON object that answers a request and has the `needed` keys; errors as in `answer`."""
        answer = self.answer(request)
        try:
            document = answer.json()
        except ValueError:
            document = None
        if not isinstance(document, dict) or any(name not in document for name in needed):
            raise _foreign(answer)
        return document

    def answer(self, request: Request) -> httpx.Response:
        """The answer to a request, retried until it succeeds.

        Raises
        ------
        ServiceError
            A retry does not help, or not within the client's patience.
        InputError
            The file to send cannot be read.
        """
        tries = count(1)

        def once() -> httpx.Response:
            number = next(tries)
            try:
                return self._once(request)
            except ServiceError as error:
                error.tries = number
                raise

        return self._retries.call(once, _required_wait_s)

    def _once(self, request: Request) -> httpx.Response:
        import httpx

        params = {name: value for name, value in request.params.items() if value is not None}
        timeout = httpx.Timeout(self._timeout_s + request.held_s, connect=CONNECT_S)
        try:
            with _opened(request.body) as content:
                answer = self._http.request(
                    request.method, self.url + request.path, params=params, headers=dict(request.headers),
                    content=content, timeout=timeout,
                )  # fmt: skip
        except (httpx.ConnectError, httpx.ConnectTimeout) as error:
            raise self._unreachable(error) from error
        except httpx.RequestError as error:
            raise self._broken(error) from error
        self._answered = True
        if not answer.is_success:
            raise _refusal(answer)
        return answer

    def _unreachable(self, error: httpx.RequestError) -> ServiceError:
        return ServiceError(
            "No service answers",
            f"no service answers at {self.url} ({error}); start it with `gindex serve`, or give the url of "
            "one that runs",
            again_s=0.0 if self._answered else None,  # a service that has answered may be restarting
        )

    def _broken(self, error: httpx.RequestError) -> ServiceError:
        self._answered = True  # a connection was made, so that the service may be restarting
        cause = str(error) or type(error).__name__
        sentence = (
            f"the connection to {self.url} broke before the answer was complete ({cause}); try again later"
        )
        return ServiceError("The connection broke", sentence, again_s=0.0)


def _required_wait_s(error: BaseException | None) -> float | None:
    return error.again_s if isinstance(error, ServiceError) else None


@contextmanager
def _opened(body: bytes | Path | None) -> Iterator[bytes | BinaryIO | None]:
    """The body from its beginning, opened anew for each try."""
    if not isinstance(body, Path):
        yield body
        return
    try:
        with body.open("rb") as file:
            yield file
    except OSError as error:
        raise InputError(str(body), f"cannot be read ({error.strerror or error}); check the path") from error


def _refusal(answer: httpx.Response) -> ServiceError:
    """The error for an unsuccessful answer, with the service's own sentence where it has one (RFC 9457)."""
    try:
        problem = answer.json() if "problem+json" in answer.headers.get("content-type", "") else None
    except ValueError:
        problem = None
    again_s = retry_after_s(answer.headers.get("Retry-After", "")) if answer.status_code in RETRIED else None
    if not isinstance(problem, dict):
        return _foreign(answer, again_s)
    title = str(problem.get("title", answer.reason_phrase))
    kind = str(problem.get("type", "")).rpartition("/")[2]
    return ServiceError(title, str(problem.get("detail", title)), answer.status_code, kind, again_s)


def _foreign(answer: httpx.Response, again_s: float | None = None) -> ServiceError:
    status = f"{answer.status_code} {answer.reason_phrase}".strip()
    location = answer.headers.get("location", "")
    cure = f"it redirects to {location}: give that url" if location else "is this the url of `gindex serve`?"
    sentence = f"{answer.url} answered {status}, which is not an answer of a gindex service; {cure}"
    return ServiceError("Not an answer of gindex", sentence, answer.status_code, "foreign", again_s)


def _host_of(url: str) -> str:
    try:
        address = urlsplit(url)
        if address.scheme in ("http", "https") and address.hostname and address.port != 0:
            return address.hostname
    except ValueError:
        pass
    raise UsageError(f"the url of a service cannot be {url!r}; give one such as http://127.0.0.1:8765")


def _checked_key(key: str) -> str:
    key = key.strip()  # a key file ends with a line end
    if not (key.isascii() and key.isprintable()):
        raise UsageError("the API key has characters that no key has; give it as `gindex key add` printed it")
    return key
