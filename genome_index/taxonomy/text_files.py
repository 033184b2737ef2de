"""Text files of taxonomies: plain, compressed or inside an archive, read by line or by row."""

from __future__ import annotations

import csv
import hashlib
import io
import re
import tarfile
import zipfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from functools import partial
from itertools import chain
from pathlib import Path
from typing import IO

from genome_index.errors import TaxonomyError
from genome_index.io.compression import READ_ERRORS, open_stream, rejoined
from genome_index.io.encodings import UTF_8, encoding_of
from genome_index.io.formats.other import office_document
from genome_index.io.tsv import cells_of
from genome_index.taxonomy.headers import is_comment

FIRST_BYTES = 1 << 12  # that tell the encoding, or an office document
_EXCEL_SEPARATOR = re.compile("sep=([,;\t])", re.IGNORECASE)  # a first line that only Excel reads
_QUOTED = re.compile(r'"[^"]*"')


def _delimiter(header: str) -> str:
    """A tab if the header has one, else the first comma or semicolon outside of quotes."""
    if "\t" in header:
        return "\t"
    return next((mark for mark in _QUOTED.sub("", header) if mark in ",;"), ",")


@dataclass(frozen=True)
class TextFile:
    """A text file on disk or inside an archive, opened again for each reading."""

    name: str  # in errors
    open: Callable[[], AbstractContextManager[IO[bytes]]]  # decompressed bytes

    def lines(self) -> Iterator[str]:
        r"""Every line, with \n as line end whatever the file has, and without a byte order mark.

        Raises
        ------
        TaxonomyError
            The file is absent, damaged, cut short, of an office program, or neither UTF-8 nor UTF-16.
        """
        try:
            with translated(self.name), self.open() as stream:
                start = stream.read(FIRST_BYTES)
                if document := office_document(start):
                    raise TaxonomyError(self.name, f"this is {document}; save the table as CSV or as text")
                encoding = encoding_of(start)
                with io.TextIOWrapper(rejoined(start, stream), encoding) as text:
                    yield from text
        except UnicodeDecodeError:
            reason = "these bytes are not UTF-8; save the file with the encoding UTF-8"
            if encoding != UTF_8:
                reason = "the text is in UTF-16, but cut short or damaged; save it again, as UTF-8"
            raise TaxonomyError(self.name, reason, self._undecodable_line(encoding)) from None

    def rows(self) -> Iterator[tuple[int, list[str]]]:
        """Line number and fields of each row; a row over several lines has the number of the last one.

        Raises
        ------
        TaxonomyError
            The file cannot be read, or is not well-formed CSV.
        """
        lines = (line.replace("\xa0", " ") for line in self.lines())  # blanks of web pages and Word
        head: list[str] = []
        delimiter = ""
        for line in lines:
            if said := _EXCEL_SEPARATOR.fullmatch(line.rstrip()):
                delimiter = said[1]
            # A blank line stands for these lines, so that the numbers of the next ones stay right.
            head.append("\n" if said or is_comment(line) else line)
            if not head[-1].isspace():
                break  # the header
        delimiter = delimiter or _delimiter(head[-1] if head else "")
        if delimiter == "\t":
            # Not by the csv module: with one stray quote in a TSV ('sp. "type II') it would join rows.
            for number, line in enumerate(chain(head, lines), 1):
                yield number, cells_of(line) if '"' in line else line.rstrip("\n").split("\t")
            return
        reader = csv.reader(chain(head, lines), delimiter=delimiter, skipinitialspace=True, strict=True)
        try:
            for fields in reader:
                yield reader.line_num, fields
        except csv.Error as error:
            reason = f"not well-formed CSV ({error}); quote such fields, and double the quotes in them"
            raise TaxonomyError(self.name, reason, reader.line_num) from None

    def _undecodable_line(self, encoding: str) -> int:
        # The decoder works in blocks and does not tell the line of its error; these characters do.
        errors, mark = ("surrogateescape", "[\udc80-\udcff]") if encoding == UTF_8 else ("replace", "\ufffd")
        with self.open() as stream, io.TextIOWrapper(stream, encoding, errors) as text:
            return next(n for n, line in enumerate(text, 1) if re.search(mark, line))


def text_file(path: Path) -> TextFile:
    """The file at `path`, decompressed if it is gzip, bzip2, xz or zstd by its first bytes."""
    return TextFile(str(path), partial(open_stream, str(path.absolute())))  # `-` is a file here


def digest(paths: Iterable[Path]) -> str:
    """The first 12 hex digits of the sha256 of files as they are on disk, as `sha256sum` prints it.

    Raises
    ------
    TaxonomyError
        A file cannot be read.
    """
    total = hashlib.sha256()
    for path in paths:
        with translated(str(path)), path.open("rb") as file:
            while block := file.read(1 << 20):
                total.update(block)
    return total.hexdigest()[:12]


@contextmanager
def translated(name: str) -> Iterator[None]:
    """Translate errors of reading and decompressing into TaxonomyError."""
    try:
        yield
    except FileNotFoundError:
        raise TaxonomyError(name, "no such file; check the path") from None
    except (*READ_ERRORS, tarfile.TarError, zipfile.BadZipFile) as error:
        reason = f"cannot be read ({error}); check its permissions, or fetch it again if it is damaged"
        raise TaxonomyError(name, reason) from error
