"""All errors that gindex raises on purpose, with their data in fields and the cure in the sentence.

GindexError
  UsageError            the request is wrong; nothing was read or written
    EncoderNotFound     no encoder of that name
    ModelError          a language model cannot be found, read or used with these settings
  InputError            one input cannot be used: its row has the reason, the batch goes on
  TaxonomyError         a taxonomy file cannot be read or understood
  FetchError            one accession could not be fetched; the others go on
  UnusableIndex         an index cannot be opened, compared with, or written to
    IndexNotFound       there is no index at the path
    IndexDamaged        a file of it is missing or does not match its checksum
    SpecMismatch        it has other settings, or another format
    IndexLocked         another process is writing to it
  StorageError          the disk is full, read-only, or denies permission
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from difflib import get_close_matches
from importlib import util


class GindexError(Exception):
    """Base of everything gindex raises on purpose; `str(error)` is a sentence for the user.

    Every subclass can be pickled, so that an error in a child process reaches its parent: class, sentence and
    fields are restored without `__init__`, whose parameters differ from class to class.
    """

    def __reduce__(self) -> tuple[Callable[..., GindexError], tuple[object, ...], dict[str, object]]:
        return _restored, (type(self), self.args), self.__dict__


def _restored(kind: type[GindexError], arguments: tuple[object, ...]) -> GindexError:
    error = kind.__new__(kind)
    error.args = arguments
    return error


class UsageError(GindexError):
    """The request itself is wrong: nothing was read or written."""


class EncoderNotFound(UsageError):
    def __init__(self, name: str, known: Sequence[str]) -> None:
        self.name, self.known = name, tuple(known)
        super().__init__(
            f"no encoder is called {name!r}; choose {', '.join(known)}, or give a language model: "
            "its folder, or its name on the hub (OWNER/NAME)"
        )


class ModelError(UsageError):
    """A language model cannot be found, read or used; `path` is its folder or name."""

    def __init__(self, path: str, reason: str) -> None:
        self.path, self.reason = path, reason
        super().__init__(f"{path}: {reason}")


class InputError(GindexError):
    """One input cannot be used. `path` is the file, `reason` the defect and its cure."""

    def __init__(self, path: str, reason: str) -> None:
        self.path, self.reason = path, reason
        super().__init__(f"{path}: {reason}")


class TaxonomyError(GindexError):
    """A taxonomy file cannot be read or understood; `line` is 1-based, 0 if it is no certain line."""

    def __init__(self, path: str, reason: str, line: int = 0) -> None:
        self.path, self.reason, self.line = path, reason, line
        super().__init__(f"{path}{f', line {line}' if line else ''}: {reason}")


class FetchError(GindexError):
    """One accession could not be fetched; the others go on."""

    def __init__(self, accession: str, reason: str) -> None:
        self.accession, self.reason = accession, reason
        super().__init__(f"{accession}: {reason}")


class UnusableIndex(GindexError):
    """An index cannot be opened, compared with, or written to."""


class IndexNotFound(UnusableIndex):
    def __init__(self, path: str) -> None:
        self.path = path
        super().__init__(f"no index at {path}; make one with `gindex build INPUT... --index {path}`")


class IndexDamaged(UnusableIndex):
    """`cure` is a sentence of its own, because it depends on the file that is damaged."""

    def __init__(
        self, path: str, reason: str, cure: str = "Go back with `gindex undo`, or build it again."
    ) -> None:
        self.path, self.reason, self.cure = path, reason, cure
        super().__init__(f"{path}: {reason}. {cure}")


class SpecMismatch(UnusableIndex):
    """Settings differ: `setting` is `mine` in the index and `theirs` elsewhere; nothing can be compared."""

    def __init__(self, where: str, setting: str, mine: object, theirs: object, sentence: str = "") -> None:
        self.where, self.setting, self.mine, self.theirs = where, setting, mine, theirs
        usual = (
            f"{setting} is {mine!r} in the index but {theirs!r} here, "
            f"so their numbers cannot be compared; use the same {setting}, or build a new index"
        )
        super().__init__(f"{where}: {sentence or usual}")


class IndexLocked(UnusableIndex):
    """`left_behind` is the lock file to delete if no such process runs, where it outlives its process."""

    def __init__(self, path: str, holder: str, waited_s: float, left_behind: str = "") -> None:
        self.path, self.holder, self.waited_s, self.left_behind = path, holder, waited_s, left_behind
        cure = f"; if no such process runs, delete {left_behind}" if left_behind else ""
        super().__init__(
            f"{path}: another gindex ({holder}) is writing to this index, "
            f"and still was after {waited_s:.0f} s; wait for it to end, or give --wait SECONDS{cure}"
        )


class StorageError(GindexError):
    def __init__(self, path: str, reason: str) -> None:
        self.path, self.reason = path, reason
        super().__init__(
            f"{path}: {reason}; make room or choose another folder, "
            "then run the same command again: finished work is kept"
        )


def need_installed(what: str, *modules: str, extra: str) -> None:
    """Raise UsageError, with the cure, unless the modules that `what` needs are installed."""
    missing = [name for name in modules if util.find_spec(name) is None]
    if missing:
        first = [", ".join(missing[:-1])] if len(missing) > 1 else []
        names = " and ".join([*first, missing[-1]])
        raise UsageError(f"{what} needs {names}; install with `pip install 'gindex[{extra}]'`")


def nearest_name(name: str, known: Iterable[str]) -> str | None:
    """The known name that is spelled most like `name`, upper and lower case alike; None if none is close.

    >>> nearest_name("escherichia", ["Escherichia", "Salmonella"]), nearest_name("xyz", ["Escherichia"])
    ('Escherichia', None)
    """
    by_folded = {each.casefold(): each for each in sorted(known, reverse=True)}
    matches = get_close_matches(name.casefold(), sorted(by_folded), 1)
    return by_folded[matches[0]] if matches else None


def did_you_mean(name: str, known: Iterable[str], otherwise: str) -> str:
    """The cure for an unknown name: the known name that was probably meant, else the advice `otherwise`."""
    nearest = nearest_name(name, known)
    return otherwise if nearest is None else f"did you mean {nearest!r}?"
