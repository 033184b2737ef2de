"""Examples of a baked corpus: windows as JSON lines, written and read."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from genome_index.errors import InputError
from genome_index.io.checksums import damage_of
from genome_index.lab.annotate.corpus.target_text import TargetLine, lines_of, target_text
from genome_index.lab.annotate.corpus.windows import Window
from genome_index.lab.annotate.tokens.token_lists import TASK
from genome_index.lab.corpus.manifest import MANIFEST, read_manifest
from genome_index.lab.corpus.split import PARTS, Part, Split

FORMAT = 1
SPLIT = "split.tsv"
GENE_TOKEN = TASK  # before the sequence: the task is to write genes


@dataclass(frozen=True, slots=True)
class Example:
    """One window: what a model reads and what it has to write."""

    genome: str
    seqid: str  # the contig
    start: int  # of the window, 1-based, on the forward strand
    end: int  # inclusive; beyond the length of a circular contig where the window crosses its origin
    strand: str  # + or -: `input` is the reverse complement
    before: int  # bases of context in `input` in front of the window
    after: int  # and behind it
    input: str  # GENE_TOKEN, a blank, and the bases: context, window, context
    target: str  # the text of the window's lines; its positions count from the window's first base
    circle_bp: int = 0  # length of a circular contig; 0 for another one, and in older corpora

    @property
    def bases(self) -> str:
        """Context, window, context."""
        return self.input.rpartition(" ")[2]

    @property
    def lines(self) -> list[TargetLine]:
        return lines_of(self.target)


def example_of(window: Window, genome: str, gene_token: str = GENE_TOKEN) -> Example:
    text = f"{gene_token} {window.sequence}" if gene_token else window.sequence
    return Example(
        genome, window.contig, window.start + 1, window.end, window.strand, window.before, window.after, text,
        target_text(window.lines), window.circle_bp,
    )  # fmt: skip


def json_line(example: Example) -> str:
    return json.dumps(asdict(example), ensure_ascii=False) + "\n"


class Examples:
    """A baked corpus on disk."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.manifest = _manifest(path)

    @property
    def settings(self) -> dict[str, Any]:
        """How it was baked: window_bp, stride_bp, flank_bp, both_strands, gene_token and others."""
        return dict(self.manifest["settings"])

    @property
    def digest(self) -> str:
        """SHA-256 of the manifest, which has the checksums of all files."""
        return hashlib.sha256((self.path / MANIFEST).read_bytes()).hexdigest()

    def split(self) -> Split:
        """The part and cluster of each genome."""
        return Split.read(self.path / SPLIT)

    def count(self, part: Part) -> int:
        return int(self.manifest["parts"][part]["windows"])

    def of_part(self, part: Part) -> Iterator[Example]:
        """The examples of a part in the order of the file, one in memory at a time."""
        with part_file(self.path, part).open(encoding="utf-8") as file:
            for line in file:
                yield Example(**json.loads(line))

    def check(self) -> None:
        """Compare every file with its checksum.

        Raises
        ------
        InputError
        """
        for name, expected in self.manifest["files"].items():
            if damage := damage_of(self.path / name, expected):
                raise InputError(
                    str(self.path / name), f"{damage}; bake the corpus again, with the same command"
                )


def part_file(folder: Path, part: Part) -> Path:
    """The file of a part."""
    assert part in PARTS
    return folder / f"{part}.jsonl"


def _manifest(path: Path) -> dict[str, Any]:
    absent = f"no baked corpus at {path}; make one with `gindex lab annotate bake FASTA GFF... --out {path}`"
    values = read_manifest(path, absent, "bake the corpus again, with the same command")
    if values.get("kind") != "annotation" or values["format"] != FORMAT:
        raise InputError(str(path), f"not a baked corpus of format {FORMAT}; bake it again with this gindex")
    return values
