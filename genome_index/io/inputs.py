"""Inputs as they are given: files, folders and lists of inputs; names of genomes from file names."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from pathlib import Path

from genome_index.errors import UsageError
from genome_index.io.compression import cause
from genome_index.records import Failure

SUFFIXES = (".fa", ".fasta", ".fna", ".fas", ".ffn", ".gb", ".gbk", ".gbff", ".genbank")
COMPRESSED = (".gz", ".bz2", ".xz", ".zst")


def read_list(path: Path) -> list[str]:
    """The inputs listed in a text file, one a line, without blank lines and lines that start with #.

    Raises
    ------
    UsageError
        The file cannot be read.
    """
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(
            f"{path}: cannot read the list of inputs ({cause(error)}); give a text file, one path a line"
        ) from error
    return [line.strip() for line in lines if line.strip() and not line.startswith("#")]


def sequence_files(inputs: Iterable[str | Path]) -> list[str]:
    """The files that `iter_genomes` would read, without those that it cannot read."""
    return [path for given in inputs for path in files_of(given) if isinstance(path, str)]


def files_of(given: str | Path) -> Iterator[str | Failure]:
    """The sequence files of an input: itself, or those in a folder and all its folders, by name."""
    if str(given) == "-" or not os.path.isdir(given):
        yield str(given)
        return
    files = _searched(given)
    if not files:
        suffixes, shown = ", ".join(SUFFIXES), printable(str(given))
        reason = f"no sequence file in this folder; gindex reads {suffixes}, also with .gz .bz2 .xz .zst"
        yield Failure(shown, shown, reason)
    yield from (files[path] for path in sorted(files))


def _searched(given: str | Path) -> dict[str, str | Failure]:
    """Path -> the path of each sequence file in a folder, or the failure of a folder that cannot be read."""
    errors: list[OSError] = []
    files: dict[str, str | Failure] = {}
    for folder, _, names in os.walk(given, onerror=errors.append):
        for path in (str(Path(folder, name)) for name in names if _is_sequence_name(name)):
            # A broken link is an input, whose row gives the reason; a pipe or a device is not.
            if os.path.isfile(path) or not os.path.exists(path):
                files[path] = path
    for error in errors:
        path = str(Path(error.filename))
        files[path] = Failure(printable(path), printable(path), cause(error))
    return files


def _is_sequence_name(name: str) -> bool:
    lower = name.lower()
    for suffix in COMPRESSED:
        lower = lower.removesuffix(suffix)
    return lower.endswith(SUFFIXES)


def file_stem(path: str | Path) -> str:
    """A file's name without its sequence and compression suffixes.

    >>> file_stem("data/GCF_000005845.2.fna.gz")
    'GCF_000005845.2'
    """
    name = printable(Path(path).name)
    for suffixes in (COMPRESSED, SUFFIXES):
        for suffix in suffixes:
            if name.lower().endswith(suffix) and len(name) > len(suffix):
                name = name[: -len(suffix)]
                break
    return name


def printable(path: str) -> str:
    r"""A path as text that can be written anywhere: bytes that are not UTF-8 are spelled out.

    >>> printable("caf\udce9.fa")  # what Python makes of a name in Latin-1
    'caf\\xe9.fa'
    """
    return path.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
