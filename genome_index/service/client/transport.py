"""One answer of a service, whole, or a ServiceError; asked for again where that may help.

Whatever is asked may be sent twice: to read changes nothing, to delete twice is to delete once, and a query
bears a key by which the service knows it again.
"""

from __future__ import annotations

import random
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO
from urllib.parse import urlsplit

from genome_index.errors import GindexError, InputError, UsageError, need_installed
from genome_index.io.ncbi.entrez import retry_after_s
from genome_index.service.settings import LOOPBACK

if TYPE_CHECKING:
    import httpx

AGAIN = (429, 502, 503, 504)  # too many requests; busy or starting; a proxy whose service restarts
FIRST_PAUSE_S = 0.5  # before the second try; doubles with each
LONGEST_PAUSE_S = 10.0  # unless the service asks for more
CONNECT_S = 10.0  # for a connection to be made; it is the answer that may take long


class ServiceError(GindexError):
    """A service refused, failed, or could not be reached; the sentence says what to do."""

    def __init__(
        self, title: str, detail: str, status: int = 0, kind: str = "", again_s: float | None = None
    ) -> None:
        self.title, self.detail = title, detail
        self.status = status  # of HTTP; 0 where no answer came, or an accepted query failed
        self.kind = (
            kind  # the last word of the problem's type, `too-large` say: wording may change, it does not
        )
        self.again_s = again_s  # seconds after which to ask again may help; None where it does not
        self.tries = 1
        super().__init__(detail)


@dataclass(frozen=True)
class Request:
    """What is asked of a service."""

    path: str
    method: str = "GET"
    params: Mapping[str, str | int | float | bool | None] = field(default_factory=dict)  # None: not given
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes | Path | None = None
    held_s: float = 0.0  # for which the service may take its time, beyond what any answer takes


class Transport:
    """A connection to one service that is kept open."""

    def __init__(self, url: str, key: str | None, timeout_s: float, patience_s: float) -> None:
        need_installed("the client", "httpx", extra="serve")
        import httpx

        self.url, self._timeout_s, self._patience_s = url.rstrip("/"), timeout_s, patience_s
        self._answered = False
        self._http = httpx.Client(
            headers={"Authorization": f"Bearer {_checked_key(key)}"} if key else {},
            trust_env=_host_of(url) not in LOOPBACK,  # no proxy leads back to this machine
        )

    def close(self) -> None:
        self._http.close()

    def json(self, request: Request, *needed: str) -> dict[str, Any]:
        """The JSON object that answers a request and has what is needed of it; errors as in `answer`."""
        answer = self.answer(request)
        try:
            found = answer.json()
        except ValueError:
            found = None
        if not isinstance(found, dict) or any(name not in found for name in needed):
            raise _foreign(answer)
        return found

    def answer(self, request: Request) -> httpx.Response:
        """The answer to a request, however often it has to be sent.

        Raises
        ------
        ServiceError
            What went wrong does not go away by itself, or not soon enough.
        InputError
            The file that was to be sent cannot be read.
        """
        left_s, pause_s, tries = self._patience_s, FIRST_PAUSE_S, 0
        while True:
            tries += 1
            try:
                return self._once(request)
            except ServiceError as error:
                error.tries = tries
                pause_s = max(error.again_s or 0.0, random.uniform(0.5, 1.0) * pause_s)  # not all at one time
                if error.again_s is None or pause_s > left_s:
                    raise
            time.sleep(pause_s)
            left_s, pause_s = left_s - pause_s, min(2 * pause_s, LONGEST_PAUSE_S)

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
            again_s=0.0 if self._answered else None,  # one that answered before is being restarted, perhaps
        )

    def _broken(self, error: httpx.RequestError) -> ServiceError:
        what = str(error) or type(error).__name__
        sentence = f"the connection to {self.url} broke before the answer was here ({what}); ask again later"
        return ServiceError("The connection broke", sentence, again_s=0.0)


@contextmanager
def _opened(body: bytes | Path | None) -> Iterator[bytes | BinaryIO | None]:
    """What is sent, from its beginning: each try has it anew."""
    if not isinstance(body, Path):
        yield body
        return
    try:
        with body.open("rb") as file:
            yield file
    except OSError as error:
        raise InputError(str(body), f"cannot be read ({error.strerror or error}); check the path") from error


def _refusal(answer: httpx.Response) -> ServiceError:
    """An answer that is no success, in the service's own words where they are (RFC 9457)."""
    try:
        problem = answer.json() if "problem+json" in answer.headers.get("content-type", "") else None
    except ValueError:
        problem = None
    again_s = retry_after_s(answer.headers.get("Retry-After", "")) if answer.status_code in AGAIN else None
    if not isinstance(problem, dict):
        return _foreign(answer, again_s)
    title = str(problem.get("title", answer.reason_phrase))
    kind = str(problem.get("type", "")).rpartition("/")[2]
    return ServiceError(title, str(problem.get("detail", title)), answer.status_code, kind, again_s)


def _foreign(answer: httpx.Response, again_s: float | None = None) -> ServiceError:
    said = f"{answer.status_code} {answer.reason_phrase}".strip()
    elsewhere = answer.headers.get("location", "")
    cure = f"it sends on to {elsewhere}: give that url" if elsewhere else "is this the url of `gindex serve`?"
    sentence = f"{answer.url} answered {said}, in words that are not a gindex service's; {cure}"
    return ServiceError("That is no answer of gindex", sentence, answer.status_code, "foreign", again_s)


def _host_of(url: str) -> str:
    try:
        address = urlsplit(url)
        if address.scheme in ("http", "https") and address.hostname and address.port != 0:
            return address.hostname
    except ValueError:
        pass
    raise UsageError(f"the url of a service cannot be {url!r}; give one such as http://127.0.0.1:8765")


def _checked_key(key: str) -> str:
    key = key.strip()  # of a file's last line end
    if not (key.isascii() and key.isprintable()):
        raise UsageError("the API key has letters that no key has; give it as `gindex key add` printed it")
    return key
