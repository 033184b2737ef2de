r"""Target text: the annotation of a window as lines, and back.

One line a part of a feature, between <bos> and <eos>; positions are 1-based, inclusive, within the window:

    type  start  end  strand  phase  gene_index  biotype        (tabs between them)

`<1` says that the part begins before the window, `>1000` that it goes on after one of 1,000 bp, as in
GenBank. Lines are sorted by start, end and type. Genes are numbered from 0 in the order in which they appear.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import cast

from genome_index.lab.annotate.files.columns import PHASE_OF
from genome_index.lab.annotate.files.escapes import EMPTY, text_column, unescaped
from genome_index.lab.annotate.files.features import Phase, Strand
from genome_index.lab.annotate.tokens.token_lists import BOS, CUT_END, CUT_START, EOS

OTHER_STRAND: Mapping[Strand, Strand] = {"+": "-", "-": "+", ".": ".", "?": "?"}
_LINE = re.compile(r"([^\t]+)\t(<?)([1-9]\d*)\t(>?)([1-9]\d*)\t([-+.?])\t([012.])\t(0|[1-9]\d*)\t([^\t]+)")

Key = tuple[int, int, str, str, int, str, bool, bool]


@dataclass(frozen=True, slots=True)
class TargetLine:
    """A part of a feature as far as it lies in a window."""

    type: str
    start: int  # 0-based, inclusive, from the first base of the window
    end: int  # exclusive
    strand: Strand
    phase: Phase | None = None  # of what is left: bases from its 5' end to the first base of a codon
    gene: int = 0  # number of its root feature in the window
    biotype: str = ""  # empty if unknown
    begins_before: bool = False  # cut at the window's first base
    ends_after: bool = False  # cut at its last one

    @property
    def key(self) -> Key:
        """What lines are sorted by, before the number of the gene."""
        phase = -1 if self.phase is None else self.phase
        cuts = (self.begins_before, self.ends_after)
        return (self.start, self.end, self.type, self.strand, phase, self.biotype, *cuts)


def target_text(lines: Sequence[TargetLine]) -> str:
    r"""The text of the lines of a window.

    >>> target_text([TargetLine("CDS", 0, 30, "-", 1, 0, "protein_coding", begins_before=True)])
    '<bos>\nCDS\t<1\t30\t-\t1\t0\tprotein_coding\n<eos>'
    """
    return "\n".join((BOS, *map(_text, lines), EOS))


def _text(line: TargetLine) -> str:
    columns = (
        text_column(line.type),
        f"{CUT_START if line.begins_before else ''}{line.start + 1}",
        f"{CUT_END if line.ends_after else ''}{line.end}",
        line.strand,
        EMPTY if line.phase is None else str(line.phase),
        str(line.gene),
        text_column(line.biotype) or EMPTY,
    )
    return "\t".join(columns)


def lines_of(text: str) -> list[TargetLine]:
    """The lines in a target text; the inverse of `target_text`.

    Raises
    ------
    ValueError : with the number and content of the line that does not follow the format
    """
    first, *rows = text.split("\n")
    if first != BOS or not rows or rows[-1] != EOS:
        raise ValueError(f"a target text is {BOS}, lines, {EOS}; this begins with {text[:20]!r}")
    return [_line(row, number) for number, row in enumerate(rows[:-1], 2)]


def _line(row: str, number: int) -> TargetLine:
    found = _LINE.fullmatch(row)
    if not found or int(found[3]) > int(found[5]):
        raise ValueError(f"line {number} of the target text is {row!r}; it has no part of a feature")
    kind, before, start, after, end, strand, phase, gene, biotype = found.groups()
    return TargetLine(
        unescaped(kind), int(start) - 1, int(end), cast(Strand, strand), PHASE_OF[phase], int(gene),
        "" if biotype == EMPTY else unescaped(biotype), bool(before), bool(after),
    )  # fmt: skip


def sorted_lines(lines: Iterable[TargetLine]) -> tuple[TargetLine, ...]:
    """Lines with any numbers of genes, in order and with genes numbered as they appear.

    Where lines of two genes are equal, the other lines of these genes decide; so the result depends neither
    on the order of the lines nor on the numbers given.
    """
    given = list(lines)
    keys: dict[int, list[Key]] = {}
    for line in given:
        keys.setdefault(line.gene, []).append(line.key)
    signatures = {gene: sorted(own) for gene, own in keys.items()}
    given.sort(key=lambda line: (line.key, signatures[line.gene]))
    numbers: dict[int, int] = {}
    for line in given:
        numbers.setdefault(line.gene, len(numbers))
    given.sort(key=lambda line: (line.key, signatures[line.gene], numbers[line.gene]))
    return tuple(replace(line, gene=numbers[line.gene]) for line in given)


def mirrored(lines: Iterable[TargetLine], length: int) -> tuple[TargetLine, ...]:
    """The lines of the reverse complement of a window of `length` bp; twice gives the same lines again.

    A phase counts from the 5' end of its own feature, so it does not change.
    """
    return sorted_lines(mirrored_line(line, length) for line in lines)


def mirrored_line(line: TargetLine, length: int) -> TargetLine:
    """A line of the reverse complement of a window of `length` bp; the number of its gene stays."""
    return replace(
        line, start=length - line.end, end=length - line.start, strand=OTHER_STRAND[line.strand],
        begins_before=line.ends_after, ends_after=line.begins_before,
    )  # fmt: skip
