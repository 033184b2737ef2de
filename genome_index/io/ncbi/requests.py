"""Requests to NCBI's E-utilities: one complete answer, at NCBI's pace, retried while it comes back broken.

urllib makes the requests. Biopython's Entrez module is not used: it has no timeout and no way to set another
server, and its retries see neither Retry-After, nor a body that breaks off, nor a web page in place of data.
"""

from __future__ import annotations

import os
import re
import threading
import time
import xml.etree.ElementTree as ElementTree
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http.client import HTTPException
from typing import TypeVar
from urllib.error import HTTPError
from urllib.parse import urlencode
from urllib.request import Request, urlopen

from genome_index.errors import FetchError, UsageError
from genome_index.io.retries import RetryPolicy, retry_after_s

T = TypeVar("T")

NCBI_URL = "https://eutils.ncbi.nlm.nih.gov/entrez/eutils"
NOT_FOUND = "NCBI has no such record; check the accession and its version"
# NCBI allows 3 requests a second, 10 with an API key. A third of a second sometimes exceeds the limit on its
# side; Biopython found 0.37 s to be reliable.
INTERVAL_S, KEY_INTERVAL_S = 0.37, 0.1
LONGEST_GET = 1_000  # characters of parameters; NCBI recommends POST beyond
UNREADABLE = (ValueError, LookupError, TypeError, AttributeError, ElementTree.ParseError)
WEB_PAGE = re.compile(rb"<(!doctype\s+html|html|head|body)\b", re.I)
COMPLAINT = re.compile(
    rb'<ERROR>\s*([^<]+?)\s*</ERROR>|"error"\s*:\s*"([^"]+)|"esummaryresult"\s*:\s*\[\s*"([^"]+)', re.I
)
ABSENT = re.compile(
    r"cannot get document|nothing to ?do|list is empty|invalid uid|not found|failed to \w+ (id|seq)", re.I
)


@dataclass(frozen=True)
class EntrezSettings:
    """Who sends requests to NCBI, NCBI's address, and how long to keep trying."""

    email: str | None = None  # NCBI writes to it before it blocks a caller
    api_key: str | None = field(default=None, repr=False)  # allows 10 requests a second instead of 3
    url: str = NCBI_URL
    tries: int = 6  # of one request, the first included: half a minute with the waits below
    backoff_s: float = 1.0  # wait before the second try; doubles with each
    longest_wait_s: float = 120.0  # a longer Retry-After is reported, not waited for
    timeout_s: float = 120.0  # of silence on an open connection
    page: int = 100  # records in one request

    def __post_init__(self) -> None:
        if not self.url.startswith(("http://", "https://")):
            raise UsageError(f"GINDEX_ENTREZ_URL is {self.url!r}; unset it, or give an http(s) address")

    @classmethod
    def from_environment(cls, email: str | None = None) -> EntrezSettings:
        """Settings from NCBI_EMAIL, NCBI_API_KEY and GINDEX_ENTREZ_URL; `email` overrides NCBI_EMAIL."""
        return cls(
            email=email or os.environ.get("NCBI_EMAIL") or None,
            api_key=os.environ.get("NCBI_API_KEY", "").strip() or None,
            url=(os.environ.get("GINDEX_ENTREZ_URL") or NCBI_URL).rstrip("/"),
        )


class _TransientFailure(Exception):
    """A failure that a retry may mend; `wait_s` is the server's Retry-After, 0 if it sent none."""

    def __init__(self, reason: str, wait_s: float = 0.0) -> None:
        self.reason, self.wait_s = reason, wait_s
        super().__init__(reason)


class _Pace:
    """The time of this process's next request, so that requests keep their distance."""

    def __init__(self) -> None:
        self._lock, self._next_s = threading.Lock(), 0.0

    def wait(self, interval_s: float) -> None:
        with self._lock:
            now_s = time.monotonic()
            start_s = max(now_s, self._next_s)
            self._next_s = start_s + interval_s
        time.sleep(start_s - now_s)


_pace = _Pace()


class EntrezRequests:
    """Requests with one set of settings."""

    def __init__(self, settings: EntrezSettings) -> None:
        self.settings = settings
        self._retries = RetryPolicy(
            settings.backoff_s, settings.longest_wait_s, settings.tries, settings.longest_wait_s
        )

    def ask(self, tool: str, read: Callable[[bytes], T], **params: str | int) -> T:
        """The answer of one E-utility (`efetch`, `esearch` ...), as `read` makes it of the body.

        Raises
        ------
        FetchError
            NCBI does not have it, refuses, or gave no complete answer in all tries.
        """
        subject = str(params.get("term", params.get("id")))

        def once() -> T:
            body = _checked(subject, self._body(subject, tool, params))
            try:
                return read(body)
            except UNREADABLE as error:
                raise _TransientFailure(f"NCBI's answer cannot be read ({error})") from error

        try:
            return self._retries.call(once, _required_wait_s)
        except _TransientFailure as failure:
            raise FetchError(subject, self._last_words(failure)) from failure

    def _last_words(self, failure: _TransientFailure) -> str:
        if failure.wait_s > self.settings.longest_wait_s:
            return f"{failure.reason} and asks to wait {failure.wait_s:.0f} s; try again after that"
        return f"{failure.reason}, {self.settings.tries} times in a row; try again later"

    def _body(self, subject: str, tool: str, params: Mapping[str, str | int]) -> bytes:
        _pace.wait(KEY_INTERVAL_S if self.settings.api_key else INTERVAL_S)
        try:
            with urlopen(self._request(tool, params), timeout=self.settings.timeout_s) as answer:
                body: bytes = answer.read()
                return body
        except HTTPError as error:
            with error:
                raise _refusal(subject, error) from None
        except (OSError, HTTPException) as error:
            raise _TransientFailure(
                f"the connection to NCBI failed ({getattr(error, 'reason', error)})"
            ) from error

    def _request(self, tool: str, params: Mapping[str, str | int]) -> Request:
        sender = {"tool": "gindex", "email": self.settings.email, "api_key": self.settings.api_key}
        query = urlencode({**params, **{name: value for name, value in sender.items() if value}})
        url = f"{self.settings.url}/{tool}.fcgi"
        return Request(f"{url}?{query}") if len(query) <= LONGEST_GET else Request(url, query.encode())


def _required_wait_s(error: BaseException | None) -> float | None:
    return error.wait_s if isinstance(error, _TransientFailure) else None


def _refusal(subject: str, error: HTTPError) -> Exception:
    if error.code in (408, 429) or error.code >= 500:
        reason = f"NCBI answered HTTP {error.code} ({error.reason})"
        return _TransientFailure(reason, retry_after_s(error.headers.get("Retry-After", "")))
    if b"api key invalid" in _start_of(error).lower():
        return FetchError(subject, "NCBI does not know this API key; correct NCBI_API_KEY, or unset it")
    if error.code in (400, 404):  # efetch's answer for an unknown id
        return FetchError(subject, NOT_FOUND)
    return FetchError(subject, f"NCBI refuses to answer: HTTP {error.code} ({error.reason})")


def _start_of(error: HTTPError) -> bytes:
    try:
        return error.read(4096)
    except (OSError, HTTPException) as broken:
        raise _TransientFailure(f"the connection to NCBI failed ({broken})") from broken


def _checked(subject: str, body: bytes) -> bytes:
    """The body, unless it is empty, a web page, or NCBI's report of an error."""
    text = body.lstrip()
    if not text:
        raise FetchError(subject, NOT_FOUND)
    if text[:1] not in b"<{":
        return body
    if WEB_PAGE.search(text[:1024]):
        raise _TransientFailure("NCBI answered with a web page in place of data")
    complaint = COMPLAINT.search(text)
    if complaint is None:
        return body
    message = " ".join(complaint[complaint.lastindex or 0].decode("utf-8", "replace").split())[:200]
    if ABSENT.search(message):
        raise FetchError(subject, f"{NOT_FOUND} (NCBI: {message})")
    raise _TransientFailure(f"NCBI reported an error ({message})")
