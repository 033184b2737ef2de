"""Report of a baked corpus: features by type, lengths, what was left out and why, complaints, a card."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

from genome_index.io import tsv
from genome_index.lab.annotate.corpus.examples import GENE_TOKEN
from genome_index.lab.annotate.corpus.target_text import TargetLine
from genome_index.lab.annotate.corpus.windows import Piece
from genome_index.lab.annotate.files.escapes import text_column
from genome_index.lab.annotate.files.features import STRANDS, Complaint
from genome_index.lab.annotate.tokens.token_lists import BOS, CUT_END, CUT_START, EOS
from genome_index.lab.corpus.split import PARTS, Part
from genome_index.records import counted

REPORT, LEFT_OUT, COMPLAINTS, READ_ME = "report.tsv", "left_out.tsv", "complaints.tsv", "README.md"
MARKS = (GENE_TOKEN, BOS, EOS, *STRANDS, CUT_START, CUT_END)  # what targets have beside names and numbers
Kind = tuple[str, str]  # type and biotype


@dataclass
class GenomeCounts:
    """What one genome gave."""

    windows: int = 0  # on both strands
    empty: int = 0  # without a line
    bases: int = 0  # of windows, without context
    lines: Counter[Kind] = field(default_factory=Counter)

    def add(self, lines: Sequence[TargetLine], bases: int) -> None:
        self.windows += 1
        self.empty += not lines
        self.bases += bases
        self.lines.update((line.type, line.biotype) for line in lines)


@dataclass
class Findings:
    """What was counted while the corpus was baked."""

    genomes: dict[str, GenomeCounts] = field(default_factory=dict)
    lengths: dict[Kind, list[int]] = field(default_factory=dict)  # of parts on contigs, in bp
    left_out: Counter[tuple[str, str, str]] = field(default_factory=Counter)  # kind, name, reason
    notes: list[str] = field(default_factory=list)

    def add_pieces(self, pieces: Iterable[Piece]) -> None:
        for piece in pieces:
            if piece.start >= 0:  # the other end of a part over the origin is not counted again
                kind = (piece.line.type, piece.line.biotype)
                self.lengths.setdefault(kind, []).append(piece.end - piece.start)

    def lines_of(self, parts: Mapping[str, Part]) -> dict[Part, Counter[Kind]]:
        """Lines by part and kind; `parts` has the part of each genome."""
        lines: dict[Part, Counter[Kind]] = {part: Counter() for part in PARTS}
        for genome, counts in self.genomes.items():
            lines[parts[genome]].update(counts.lines)
        return lines

    def tokens(self) -> list[str]:
        """What a tokenizer must have: marks, then types and biotypes by name, as targets have them."""
        names = {name for counts in self.genomes.values() for kind in counts.lines for name in kind if name}
        return [*MARKS, *sorted({text_column(name) for name in names} - set(MARKS))]


def part_table(findings: Findings, parts: Mapping[str, Part]) -> dict[str, dict[str, int]]:
    """Genomes, windows, empty windows, bases and lines by part."""
    table = {part: dict.fromkeys(("genomes", "windows", "empty", "bases", "lines"), 0) for part in PARTS}
    for genome, counts in findings.genomes.items():
        row = table[parts[genome]]
        values = (1, counts.windows, counts.empty, counts.bases, counts.lines.total())
        for name, value in zip(row, values, strict=True):
            row[name] += value
    return {str(part): row for part, row in table.items()}


def report_rows(findings: Findings, parts: Mapping[str, Part]) -> Iterator[tuple[object, ...]]:
    """The report: parts of features on contigs by type and biotype, and their lines in windows."""
    lines = findings.lines_of(parts)
    columns = (f"{part}_lines" for part in PARTS)
    yield ("type", "biotype", "parts", "shortest_bp", "median_bp", "longest_bp", *columns)
    for kind in sorted(findings.lengths):
        own, of_parts = findings.lengths[kind], (lines[part][kind] for part in PARTS)
        yield (*kind, len(own), min(own), int(median(own)), max(own), *of_parts)


def left_out_rows(findings: Findings) -> Iterator[tuple[object, ...]]:
    yield ("kind", "name", "number", "reason")
    for (kind, name, reason), number in sorted(findings.left_out.items()):
        yield (kind, name, number, reason)


def write_report(
    folder: Path, findings: Findings, parts: Mapping[str, Part], complaints: Sequence[Complaint], command: str
) -> None:  # fmt: skip
    """Write the tables and the card into the folder of the corpus."""
    rows: dict[str, Iterable[Iterable[object]]] = {
        REPORT: report_rows(findings, parts),
        LEFT_OUT: left_out_rows(findings),
        COMPLAINTS: [("file", "line", "reason"), *((one.path, one.line, one.reason) for one in complaints)],
    }
    for name, table in rows.items():
        (folder / name).write_text("".join(tsv.rows(table)), encoding="utf-8")
    (folder / READ_ME).write_text(card(findings, parts, len(complaints), command), encoding="utf-8")


def card(findings: Findings, parts: Mapping[str, Part], complaints: int, command: str) -> str:
    """The card: what the corpus is, how it was made, what it holds and what it lacks."""
    left_out = sum(findings.left_out.values())
    header, *features = report_rows(findings, parts)
    sections = [
        "# Windows with their annotation",
        f"Made by `{command}`.",
        _table(("part", "genomes", "windows", "empty", "bases", "lines"), _part_rows(findings, parts)),
        "Each line of a `.jsonl` file is a window: `input` is what a model reads, `target` what it writes. "
        "Positions in `target` are 1-based and count from the first base of the window, which has `before` "
        "bases of context in front of it in `input` and `after` behind it. `<1` marks a part that begins "
        "before the window, `>N` one that goes on after its N bases. No genome of one part is a near "
        "relative of one in another.",
        "## Features",
        _table(header, features),
        "## Left out",
        f"{left_out:,} in all, by name in `{LEFT_OUT}`; {counted(complaints, 'complaint')} about lines of "
        f"annotation files in `{COMPLAINTS}`.",
        _table(("kind", "number", "reason"), _reasons(findings)),
        *(["## Notes", "\n".join(f"- {note}" for note in findings.notes)] if findings.notes else []),
    ]
    return "\n\n".join(section for section in sections if section) + "\n"


def _part_rows(findings: Findings, parts: Mapping[str, Part]) -> list[tuple[object, ...]]:
    return [(part, *row.values()) for part, row in part_table(findings, parts).items()]


def _reasons(findings: Findings) -> list[tuple[object, ...]]:
    totals: Counter[tuple[str, str]] = Counter()
    for (kind, _, reason), number in findings.left_out.items():
        totals[kind, reason] += number
    return [(kind, number, reason) for (kind, reason), number in sorted(totals.items())]


def _table(header: tuple[object, ...], rows: list[tuple[object, ...]]) -> str:
    """A table in Markdown; nothing without rows."""
    lines = [header, tuple("---" for _ in header), *rows]
    cells = (" | ".join(tsv.one_line(str(cell)).replace("|", "\\|") for cell in line) for line in lines)
    return "\n".join(f"| {line} |" for line in cells) if rows else ""
