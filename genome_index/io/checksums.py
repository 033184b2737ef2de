"""Checksums: of files, and of JSON manifests that contain their own."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from genome_index.errors import IndexDamaged

SEAL = "sha256"  # the key in a manifest for the checksum of all other keys


def sha256_of(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


Inode = tuple[int, int]  # device and number: what a file is, by whatever name


def inode_of(path: Path) -> Inode:
    status = path.stat()
    return status.st_dev, status.st_ino


def described(
    folder: Path, known: Mapping[Inode, Mapping[str, Any]] | None = None
) -> dict[str, dict[str, Any]]:
    """Size and checksum of the files in a folder, for its manifest: name -> bytes, sha256.

    `known` has those of files that may be linked here. They are taken as they are: the files may be large,
    and one that was damaged since would get a checksum that matches the damage.
    """
    return {
        file.name: dict((known or {}).get(inode_of(file)) or _description(file))
        for file in sorted(folder.iterdir())
    }


def _description(file: Path) -> dict[str, Any]:
    return {"bytes": file.stat().st_size, "sha256": sha256_of(file)}


def damage_of(path: Path, expected: Mapping[str, Any]) -> str:
    """How a file differs from its description in a manifest; empty if it does not.

    Raises
    ------
    IndexDamaged
        The file cannot be read.
    """
    try:
        return size_damage_of(path, expected) or (
            "" if sha256_of(path) == expected["sha256"] else "does not match its checksum"
        )
    except OSError as error:
        raise unreadable(path, error) from error


def size_damage_of(path: Path, expected: Mapping[str, Any]) -> str:
    """The same by the size of a file alone; empty if it has the right one."""
    try:
        size = path.stat().st_size
        return "" if size == expected["bytes"] else f"{size} bytes, expected {expected['bytes']}"
    except FileNotFoundError:
        return "missing"
    except OSError as error:
        raise unreadable(path, error) from error


def unreadable(path: Path, error: OSError) -> IndexDamaged:
    return IndexDamaged(str(path), f"cannot be read ({error.strerror})", "Make it readable.")


def seal_of(values: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(values, sort_keys=True).encode()).hexdigest()


def sealed(values: Mapping[str, Any]) -> bytes:
    """JSON that contains its own checksum."""
    return json.dumps({**values, SEAL: seal_of(values)}, indent=1).encode()


def json_object(content: bytes) -> dict[str, Any]:
    """The object in JSON text; ValueError, with the reason, where there is none."""
    try:
        values = json.loads(content)
    except ValueError as error:
        raise ValueError(f"not JSON ({error})") from error
    if not isinstance(values, dict):
        raise ValueError("not a JSON object")
    return values


def unsealed(values: Mapping[str, Any]) -> dict[str, Any]:
    """The values without their checksum; ValueError where they do not match it."""
    rest = {key: value for key, value in values.items() if key != SEAL}
    if values.get(SEAL) != seal_of(rest):
        raise ValueError("does not match its checksum")
    return rest
