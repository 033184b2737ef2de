"""API keys: who may ask. Each is shown once; what is kept of it opens nothing."""

from __future__ import annotations

import hashlib
import re
import secrets
import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass

from genome_index.errors import UsageError
from genome_index.io.locks import now

PREFIX = "gx_"  # by which a key that leaked into a log or a repository is found
KEY_BYTES = 32
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@-]{0,63}")


@dataclass(frozen=True)
class Key:
    """What is known of a key."""

    name: str
    admin: bool  # it may change the index, where the service lets anyone
    created: str  # UTC, ISO 8601


def add_key(connection: sqlite3.Connection, name: str, admin: bool = False) -> str:
    """Make a key and return it; nobody can read it again.

    Raises
    ------
    UsageError
        The name is empty or odd, or there is a key of that name.
    """
    if not NAME.fullmatch(name):
        raise UsageError(
            f"a key cannot be called {name!r}; give up to 64 letters, digits and any of . _ @ -, "
            "a letter or a digit first"
        )
    key = PREFIX + secrets.token_urlsafe(KEY_BYTES)
    try:
        connection.execute("INSERT INTO keys VALUES (?, ?, ?, ?)", (name, digest(key), admin, now()))
    except sqlite3.IntegrityError as error:
        raise UsageError(
            f"there is a key called {name!r} already, and it cannot be shown again; choose another name, or "
            f"remove that one with `gindex key remove {name}`"
        ) from error
    return key


def remove_key(connection: sqlite3.Connection, name: str) -> None:
    """Forget a key: from now on it opens nothing.

    Raises
    ------
    UsageError
        There is none of that name.
    """
    if not connection.execute("DELETE FROM keys WHERE name = ?", (name,)).rowcount:
        known = ", ".join(key.name for key in list_keys(connection))
        raise UsageError(f"no key is called {name!r}; there {f'are {known}' if known else 'is none at all'}")


def list_keys(connection: sqlite3.Connection) -> list[Key]:
    """All keys by name."""
    return _keys(connection.execute("SELECT name, admin, created FROM keys ORDER BY name").fetchall())


def find_key(connection: sqlite3.Connection, key: str) -> Key | None:
    """Whose key this is.

    The look-up compares digests, so how long it takes tells of the digest alone, and from no part of that can
    a key be found.
    """
    found = connection.execute("SELECT name, admin, created FROM keys WHERE digest = ?", (digest(key),))
    return next(iter(_keys(found.fetchall())), None)


def digest(key: str) -> str:
    """What is kept of a key.

    Slow hashes (scrypt, argon2) are for passwords, which people choose and others guess. A key is 256 random
    bits: no list holds it and no machine tries them all. One SHA-256 is enough, and costs a request nothing.
    """
    return hashlib.sha256(key.encode("utf-8", "surrogatepass")).hexdigest()


def _keys(rows: Sequence[sqlite3.Row]) -> list[Key]:
    return [Key(row["name"], bool(row["admin"]), row["created"]) for row in rows]
