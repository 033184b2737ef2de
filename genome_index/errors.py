"""The one tree of errors raised on purpose: data in fields, the cure in the sentence.

    GindexError
      InputError        one input cannot be used: its row in the output says why, the batch goes on
      TaxonomyError     a taxonomy file cannot be understood
      IndexError_ ...   see below
"""

from __future__ import annotations


class GindexError(Exception):
    """Base of everything gindex raises on purpose; `str(error)` is a sentence for the user."""


class UsageError(GindexError):
    """The request itself is wrong: nothing was read or written."""


class InputError(GindexError):
    """One input cannot be used. `path` is the file, `reason` says what is wrong and how to mend it."""

    def __init__(self, path: str, reason: str) -> None:
        self.path, self.reason = path, reason
        super().__init__(f"{path}: {reason}")


class TaxonomyError(GindexError):
    """A taxonomy file cannot be understood; `line` is 1-based, 0 where no line is to blame."""

    def __init__(self, path: str, reason: str, line: int = 0) -> None:
        self.path, self.reason, self.line = path, reason, line
        super().__init__(f"{path}{f', line {line}' if line else ''}: {reason}")


class FetchError(GindexError):
    """One accession could not be fetched; the others go on."""

    def __init__(self, accession: str, reason: str) -> None:
        self.accession, self.reason = accession, reason
        super().__init__(f"{accession}: {reason}")
