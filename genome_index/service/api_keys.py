"""API keys: made, listed, found and removed. A key is shown once, and only its digest is stored."""

from __future__ import annotations

import hashlib
import re
import secrets
import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass

from genome_index.errors import UsageError
from genome_index.io.locks import now

PREFIX = "gx_"  # makes keys that leaked into a log or a repository easy to find
KEY_BYTES = 32
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@-]{0,63}")


@dataclass(frozen=True)
class Key:
    """An API key as it is stored, without the key."""

    name: str
    admin: bool  # may change the index, if the service runs with --admin
    created: str  # UTC, ISO 8601


def add_key(connection: sqlite3.Connection, name: str, admin: bool = False) -> str:
    """Make a key and return it; it cannot be shown again.

    Raises
    ------
    UsageError
        The name is not allowed, or there is a key of this name.
    """
    if not NAME.fullmatch(name):
        raise UsageError(
            f"a key cannot be called {name!r}; give up to 64 letters, digits and . _ @ -, and begin with a "
            "letter or digit"
        )
    key = PREFIX + secrets.token_urlsafe(KEY_BYTES)
    try:
        connection.execute("INSERT INTO keys VALUES (?, ?, ?, ?)", (name, digest(key), admin, now()))
    except sqlite3.IntegrityError as error:
        raise UsageError(
            f"there is a key called {name!r}, and it cannot be shown again; choose another name, or remove "
            f"the key with `gindex key remove {name}`"
        ) from error
    return key


def remove_key(connection: sqlite3.Connection, name: str) -> None:
    """Delete a key: services refuse it from now on.

    Raises
    ------
    UsageError
        There is no key of this name.
    """
    if not connection.execute("DELETE FROM keys WHERE name = ?", (name,)).rowcount:
        known = ", ".join(key.name for key in list_keys(connection))
        raise UsageError(
            f"no key is called {name!r}; {f'known are {known}' if known else 'there are no keys'}"
        )


def list_keys(connection: sqlite3.Connection) -> list[Key]:
    """All keys by name."""
    return _keys(connection.execute("SELECT name, admin, created FROM keys ORDER BY name").fetchall())


def find_key(connection: sqlite3.Connection, key: str) -> Key | None:
    """The stored entry of a key; None if the key is unknown.

    The look-up compares digests, so its time depends on the digest only, which does not reveal the key.
    """
    rows = connection.execute("SELECT name, admin, created FROM keys WHERE digest = ?", (digest(key),))
    return next(iter(_keys(rows.fetchall())), None)


def digest(key: str) -> str:
    """The digest by which a key is stored.

    Slow hashes (scrypt, argon2) protect passwords, which can be guessed. A key has 256 random bits and cannot
    be guessed, so one SHA-256 is enough, and adds nothing to the time of a request.
    """
    return hashlib.sha256(key.encode("utf-8", "surrogatepass")).hexdigest()


def _keys(rows: Sequence[sqlite3.Row]) -> list[Key]:
    return [Key(row["name"], bool(row["admin"]), row["created"]) for row in rows]
