"""Abstracts of papers by PubMed id, from files of PubMed: MEDLINE text (.nbib, .txt) or XML."""

from __future__ import annotations

import io
import xml.etree.ElementTree as ElementTree
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from genome_index.errors import InputError
from genome_index.io.compression import READ_ERRORS, cause, open_stream

UNSTATED = "of its publisher; PubMed states no licence"
_VALUES = 6  # column from which the values of MEDLINE text are written


@dataclass(frozen=True)
class Abstract:
    """One paper as PubMed has it."""

    pubmed: str
    title: str
    text: str
    licence: str  # its copyright notice, or UNSTATED


def read_abstracts(path: Path) -> dict[str, Abstract]:
    """PubMed id -> paper, of those with an abstract.

    Raises
    ------
    InputError
        The file cannot be read, or holds no paper of PubMed.
    """
    try:
        with open_stream(str(path)) as stream:
            is_xml = stream.peek(256)[:256].lstrip(b"\xef\xbb\xbf \r\n").startswith(b"<")
            with io.TextIOWrapper(stream, "utf-8", "replace") as text:
                papers = list(_of_xml(stream) if is_xml else medline_papers(text))
    except ElementTree.ParseError as error:
        raise InputError(str(path), f"broken XML ({error}); save it from PubMed again") from error
    except READ_ERRORS as error:
        raise InputError(str(path), cause(error)) from error
    if not papers:
        reason = "no paper of PubMed in it; save papers in the format PubMed (.nbib) or as XML"
        raise InputError(str(path), reason)
    return {paper.pubmed: paper for paper in papers if paper.text}


def medline_papers(lines: Iterable[str]) -> Iterator[Abstract]:
    """The papers in MEDLINE text: a tag in columns 1 to 4, a hyphen, and values that may run on."""
    fields: dict[str, str] = {}
    tag = ""
    for line in lines:
        if line[:4].strip() and line[4:5] == "-":
            tag, value = line[:4].strip(), line[_VALUES:].strip()
            if tag == "PMID" and "PMID" in fields:
                yield _of_fields(fields)
                fields = {}
            fields[tag] = f"{fields[tag]} {value}" if tag in fields else value
        elif tag and line.startswith("  ") and fields:
            fields[tag] += f" {line.strip()}"
    if "PMID" in fields:
        yield _of_fields(fields)


def _of_fields(fields: Mapping[str, str]) -> Abstract:
    title, text = fields.get("TI", "").rstrip("."), fields.get("AB", "")
    return Abstract(fields["PMID"].split()[0], title, text, fields.get("CI", "") or UNSTATED)


def _of_xml(stream: io.BufferedReader) -> Iterator[Abstract]:
    """The papers of a PubmedArticleSet, one element in memory at a time."""
    for _, element in ElementTree.iterparse(stream):
        if element.tag in ("PubmedArticle", "MedlineCitation") and element.findtext(".//PMID"):
            yield Abstract(
                element.findtext(".//PMID", ""), _words(element, ".//ArticleTitle").rstrip("."),
                _words(element, ".//Abstract/AbstractText"),
                _words(element, ".//Abstract/CopyrightInformation") or UNSTATED,
            )  # fmt: skip
            element.clear()


def _words(element: ElementTree.Element, path: str) -> str:
    """The text of all elements of a path, with that of italics and the like inside them."""
    return " ".join(" ".join("".join(one.itertext()) for one in element.iterfind(path)).split())
