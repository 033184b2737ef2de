"""What went wrong, as the API says it: RFC 9457 problem documents, the cure in their sentence."""

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

SEE_LOG = "whoever runs the service finds more in its log"
MEDIA_TYPE = "application/problem+json"


@dataclass
class Problem(Exception):
    """An answer that is no success: `title` names the kind, `detail` is a sentence with value and cure."""

    status: int
    slug: str  # of the problem's type: /problems/SLUG
    title: str
    detail: str
    headers: Mapping[str, str] = field(default_factory=dict)

    def document(self, instance: str) -> dict[str, object]:
        """The problem document; `instance` is the path that was asked."""
        return {
            "type": f"/problems/{self.slug}",
            "title": self.title,
            "status": self.status,
            "detail": self.detail,
            "instance": instance,
        }


def of_error(error: GindexError) -> Problem:
    """An error of the library as a problem; where the service's files lie is for its log only."""
    match error:
        case StorageError():
            return Problem(507, "disk", "The disk refused", f"{error.reason}; {SEE_LOG}")
        case InputError() | TaxonomyError():
            return Problem(422, "input", "The input cannot be used", str(error))
        case UsageError():
            return Problem(422, "usage", "The request cannot be answered", str(error))
        case IndexLocked():
            why = "another gindex is writing to it, and still was after a while; ask again in a minute"
            return Problem(409, "locked", "The index is being written to", why, {"Retry-After": "60"})
        case UnusableIndex():
            detail = f"the index cannot be read just now; {SEE_LOG}"
            return Problem(503, "index", "The index cannot be used", detail, {"Retry-After": "60"})
        case _:
            return Problem(500, "error", "Something went wrong", f"{type(error).__name__}; {SEE_LOG}")


def not_found(what: str, cure: str) -> Problem:
    return Problem(404, "not-found", "There is no such thing here", f"{what}; {cure}")
