"""Problems: errors as the API sends them (RFC 9457), with the cure in their sentence."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from genome_index.errors import (
    GindexError,
    IndexLocked,
    InputError,
    StorageError,
    TaxonomyError,
    UnusableIndex,
    UsageError,
)

SEE_LOG = "the log of the service has the details"
MEDIA_TYPE = "application/problem+json"


@dataclass
class Problem(Exception):
    """An error response: `title` names the kind, `detail` is a sentence with value and cure."""

    status: int
    slug: str  # of the problem's type: /problems/SLUG
    title: str
    detail: str
    headers: Mapping[str, str] = field(default_factory=dict)

    def document(self, instance: str) -> dict[str, object]:
        """The problem document; `instance` is the path of the request."""
        return {
            "type": f"/problems/{self.slug}",
            "title": self.title,
            "status": self.status,
            "detail": self.detail,
            "instance": instance,
        }


def of_error(error: GindexError) -> Problem:
    """An error of the library as a problem, without paths of the service."""
    match error:
        case StorageError():
            return Problem(507, "disk", "The disk refused", f"{error.reason}; {SEE_LOG}")
        case InputError() | TaxonomyError():
            return Problem(422, "input", "The input cannot be used", str(error))
        case UsageError():
            return Problem(422, "usage", "The request cannot be answered", str(error))
        case IndexLocked():
            why = "another gindex process is writing to it; retry in a minute"
            return Problem(409, "locked", "The index is locked", why, {"Retry-After": "60"})
        case UnusableIndex():
            detail = f"the index cannot be read; {SEE_LOG}"
            return Problem(503, "index", "The index cannot be used", detail, {"Retry-After": "60"})
        case _:
            return Problem(500, "error", "Something went wrong", f"{type(error).__name__}; {SEE_LOG}")


def not_found(what: str, cure: str) -> Problem:
    """The problem of something that does not exist."""
    return Problem(404, "not-found", "Not found", f"{what}; {cure}")
