"""Checksums: whether a file is still what was written."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from genome_index.errors import IndexDamaged

SEAL = "sha256"  # the key of a manifest that holds the checksum of all the others


def sha256_of(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def described(folder: Path) -> dict[str, dict[str, Any]]:
    """What a manifest says of the files in a folder: name -> bytes, sha256."""
    return {
        file.name: {"bytes": file.stat().st_size, "sha256": sha256_of(file)}
        for file in sorted(folder.iterdir())
    }


def damage_of(path: Path, expected: Mapping[str, Any]) -> str:
    """What is wrong with a file, or nothing.

    Raises
    ------
    IndexDamaged : it may not be read, so that nobody knows
    """
    try:
        size = path.stat().st_size
        if size != expected["bytes"]:
            return f"{size} bytes, expected {expected['bytes']}"
        return "" if sha256_of(path) == expected["sha256"] else "does not match its checksum"
    except FileNotFoundError:
        return "missing"
    except OSError as error:
        raise unreadable(path, error) from error


def unreadable(path: Path, error: OSError) -> IndexDamaged:
    return IndexDamaged(str(path), f"cannot be read ({error.strerror})", "Make it readable.")


def seal_of(values: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(values, sort_keys=True).encode()).hexdigest()


def sealed(values: Mapping[str, Any]) -> bytes:
    """JSON that holds its own checksum."""
    return json.dumps({**values, SEAL: seal_of(values)}, indent=1).encode()


def json_object(content: bytes) -> dict[str, Any]:
    """The object a file of JSON holds; ValueError, with a sentence, where it holds none."""
    try:
        values = json.loads(content)
    except ValueError as error:
        raise ValueError(f"not JSON ({error})") from error
    if not isinstance(values, dict):
        raise ValueError("not a JSON object")
    return values


def unsealed(values: Mapping[str, Any]) -> dict[str, Any]:
    """The values without their seal; ValueError, with a sentence, where it is broken."""
    rest = {key: value for key, value in values.items() if key != SEAL}
    if values.get(SEAL) != seal_of(rest):
        raise ValueError("does not match its checksum")
    return rest
