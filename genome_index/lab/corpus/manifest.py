"""Manifest of a corpus: sealed JSON with its format, settings and the checksums of its files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from genome_index.errors import InputError, UsageError
from genome_index.io.checksums import json_object, unsealed

MANIFEST = "manifest.json"


def read_manifest(folder: Path, absent: str, cure: str) -> dict[str, Any]:
    """The content of a corpus's manifest; `absent` says that there is none, `cure` mends a damaged one.

    Raises
    ------
    UsageError : there is no manifest
    InputError : it cannot be read, or does not match its checksum
    """
    try:
        return unsealed(json_object((folder / MANIFEST).read_bytes()))
    except (FileNotFoundError, NotADirectoryError) as error:
        raise UsageError(absent) from error
    except (OSError, ValueError) as error:
        raise InputError(str(folder / MANIFEST), f"{error}; {cure}") from error
