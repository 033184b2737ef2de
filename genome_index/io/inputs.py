"""Inputs as they are given: files, folders and lists of inputs; names of genomes from file names."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from genome_index.errors import UsageError
from genome_index.io.compression import cause
from genome_index.io.encodings import read_text
from genome_index.io.folders.search import search_folder
from genome_index.io.folders.suffixes import COMPRESSED, SUFFIXES
from genome_index.records import Failure

PATH_COLUMNS = (
    "path",
    "file",
    "filename",
    "fasta",
    "genome_path",
    "fasta_path",
    "genome",
    "assembly",
    "input",
)
"""Columns that may have the paths in a list with a header."""

IdFrom = Literal["stem", "parent", "path", "header"]
"""What a genome's id is made of: name of its file, of its folder, its path, or its first record's name."""


@dataclass(frozen=True)
class Input:
    """A file, a folder or `-`, with the id of its genome or the rule by which ids are made.

    >>> Input("s1/bins/bin.1.fa", id="s1_bin1"), str(Input("bins", id_from="path"))
    (Input(path='s1/bins/bin.1.fa', id='s1_bin1', id_from=None), 'bins')
    """

    path: str
    id: str = ""  # given by the user; empty: made by the rule
    id_from: IdFrom | None = None  # None: the file's name, or the record's where each record is a genome

    def __str__(self) -> str:
        return self.path

    def __fspath__(self) -> str:
        return self.path


def read_list(path: Path) -> list[str | Input]:
    """The inputs listed in a text file, one a line, without blank lines and lines that start with #.

    A second column, after a tab or a comma, is the id of the genome, as in batch files of GTDB-Tk. In files
    of PopPUNK the id comes first, so where only the second column is a file, the first one is the id. A
    header that names the column of the paths, such as `path` or `fasta`, is left out.

    Raises
    ------
    UsageError
        The file cannot be read.
    """
    try:
        lines = read_text(path).splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(
            f"{path}: cannot read the list of inputs ({cause(error)}); give a text file, one path a line"
        ) from error
    listed = [line.strip() for line in lines if line.strip() and not line.startswith("#")]
    return [_listed(line) for line in listed[_has_header(listed) :]]


def _has_header(lines: Sequence[str]) -> bool:
    cells = _cells(lines[0]) if lines else []
    names_paths = any(cell.lower() in PATH_COLUMNS for cell in cells)
    return len(cells) > 1 and names_paths and not any(map(_is_input, cells))


def _cells(line: str) -> list[str]:
    """The cells of a line; a comma parts them where there is no tab, and no file of the whole name."""
    mark = "\t" if "\t" in line or _is_input(line) else ","
    return [cell.strip(' "') for cell in line.split(mark)]


def _listed(line: str) -> str | Input:
    first, *more = _cells(line)
    if "\t" not in line and not any(map(_is_input, (first, *more[:1]))):
        return line  # its comma may be of a name that is not there
    if not more or not more[0]:
        return first
    if not _is_input(first) and _is_input(more[0]):
        return Input(more[0], id=first)
    return Input(first, id=more[0])


def _is_input(text: str) -> bool:
    return text == "-" or os.path.exists(text)


def sequence_files(inputs: Iterable[str | Path | Input]) -> list[str]:
    """The files that `iter_genomes` would read, without those that it cannot read."""
    return [path for given in inputs for path in files_of(given) if isinstance(path, str)]


def passed_over(inputs: Iterable[str | Path | Input]) -> list[str]:
    """What was passed over in each folder among some inputs, as sentences; a folder given twice has one."""
    folders = dict.fromkeys(str(given) for given in inputs if str(given) != "-" and os.path.isdir(given))
    return [f"{printable(folder)}: {note}" for folder in folders if (note := search_folder(folder).note)]


def files_of(given: str | Path | Input) -> Iterator[str | Failure]:
    """The sequence files of an input: itself, or those in a folder and all its folders, by name."""
    if str(given) == "-" or not os.path.isdir(given):
        yield str(given)
        return
    if isinstance(given, Input) and given.id:
        reason = "a folder has no single id; list its files, each with an id of its own"
        yield Failure(given.id, printable(given.path), reason)
        return
    search = search_folder(str(given))
    files: dict[str, str | Failure] = {path: path for path in search.files}
    for path, why in search.errors.items():
        files[path] = Failure(printable(path), printable(path), why)
    if not files:
        suffixes, packed, shown = ", ".join(SUFFIXES), " ".join(COMPRESSED[:4]), printable(str(given))
        reason = f"no sequence file in this folder; gindex reads {suffixes}, also with {packed}"
        yield Failure(shown, shown, reason)
    yield from (files[path] for path in sorted(files))


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
