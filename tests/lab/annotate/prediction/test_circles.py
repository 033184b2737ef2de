"""Circular contigs: rotating one gives the same features, rotated."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

pytest.importorskip("torch", reason="the extra neural is not installed")

from genome_index.lab.annotate.corpus.examples import example_of
from genome_index.lab.annotate.corpus.target_text import TargetLine
from genome_index.lab.annotate.corpus.windows import Placed, Window, WindowPlan, placed, windows_of
from genome_index.lab.annotate.evaluation.evaluate import contigs_of
from genome_index.lab.annotate.files.features import Annotation, Feature, Part, Strand
from genome_index.lab.annotate.files.gff3_writer import write_gff3
from genome_index.lab.annotate.files.hierarchy import Hierarchy
from genome_index.lab.annotate.files.reader import read_annotation
from genome_index.lab.annotate.prediction.annotate import annotate
from genome_index.lab.annotate.prediction.circles import stitch_contig
from genome_index.lab.annotate.prediction.gene_groups import gene_numbers
from genome_index.lab.annotate.prediction.stitching import WindowLines, stitch
from genome_index.lab.corpus.packing import bases_of
from genome_index.records import Contig, Progress, quiet

PLAN = WindowPlan(1_000, 500, 50, both_strands=False)
BASES = bases_of(np.random.default_rng(3).integers(0, 4, 12_000).astype(np.uint8))
Gene = tuple[int, int, Strand]  # start, length, strand


def rotated(genes: Sequence[Gene], length: int, by: int) -> list[Gene]:
    return sorted(((start - by) % length, size, strand) for start, size, strand in genes)


def placed_genes(genes: Sequence[Gene], length: int) -> Placed:
    features = [
        Feature("c", "s", "CDS", (Part(start, start + size, strand, 0),), (("ID", (f"c{number}",)),))
        for number, (start, size, strand) in enumerate(genes)
    ]
    return placed(Hierarchy(features), range(len(features)), length, is_circular=True)


def written(windows: Sequence[Window]) -> list[WindowLines]:
    return [WindowLines(window.start, window.end, window.lines) for window in windows]


@st.composite
def circles(draw: st.DrawFn) -> tuple[int, list[Gene]]:
    """A length and genes one behind the other, of up to 1,500 bp, the last of which may cross the origin."""
    genes, at = list[Gene](), draw(st.integers(0, 50))
    for _ in range(draw(st.integers(0, 5))):
        size = draw(st.integers(5, 1_500))
        genes.append((at, size, draw(st.sampled_from("+-"))))
        at += size + draw(st.integers(1, 200))
    return max(at, 60), genes


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(circles(), st.integers(0, 12_000), st.sampled_from((300, 500, 700)))
def test_a_rotated_circle_has_the_same_features(circle: tuple[int, list[Gene]], by: int, stride: int) -> None:
    length, genes = circle
    turned = rotated(genes, length, by % length)
    plan = WindowPlan(1_000, stride, 50, both_strands=False)
    windows = windows_of(Contig("c", b"A" * length), placed_genes(turned, length).pieces, plan, True)
    parts = stitch_contig(written(list(windows)), length)
    assert not any(part.is_cut for part in parts)
    assert all(part.first.line.phase == 0 for part in parts)
    found = [(part.start, part.end - part.start, part.leftmost.line.strand) for part in parts]
    assert rotated(found, length, -by % length) == sorted(genes)


def test_as_a_line_the_same_windows_cut_what_crosses_the_origin() -> None:
    """The oracle: without the turns around it, the one feature is two."""
    pieces = placed_genes([(2_200, 300, "+")], 2_300).pieces
    lines = written(list(windows_of(Contig("c", b"A" * 2_300), pieces, PLAN)))
    assert [(part.start, part.end, part.is_cut) for part in stitch(lines)] == [
        (0, 200, True),
        (2_200, 2_300, True),
    ]


def test_exons_on_both_sides_of_the_origin_are_of_one_gene() -> None:
    """One is seen in the last windows, the other in the first ones; both lie within the gene."""
    exons = (Part(2_250, 2_350, "+", 0), Part(2_400, 2_430, "+", 2))
    features = [
        Feature("c", "s", "gene", (Part(2_250, 2_430, "+"),), (("ID", ("g",)),)),
        Feature("c", "s", "CDS", exons, (("ID", ("c",)), ("Parent", ("g",)))),
        Feature("c", "s", "CDS", (Part(110, 125, "-", 0),), (("ID", ("o",)),)),
    ]
    pieces = placed(Hierarchy(features), range(3), 2_300, is_circular=True).pieces
    lines = written(list(windows_of(Contig("c", b"A" * 2_300), pieces, PLAN, True)))
    stitched = stitch_contig(lines, 2_300)
    assert [(part.start, part.end) for part in stitched] == [
        (110, 125), (2_250, 2_350), (2_250, 2_430), (2_400, 2_430)
    ]  # fmt: skip
    assert gene_numbers(stitched) == [1, 2, 2, 2]


def test_a_corpus_gives_the_circle_and_its_features_back() -> None:
    sequence = BASES[:2_300]
    pieces = placed_genes([(2_200, 300, "+"), (700, 900, "-")], 2_300).pieces
    windows = windows_of(Contig("c", sequence), pieces, PLAN, is_circular=True)
    (contig,) = contigs_of(example_of(window, "g") for window in windows)
    assert (contig.contig.sequence, contig.circle_bp) == (sequence, 2_300)
    assert [(one.start, one.end, one.strand) for one in contig.true] == [
        (700, 1_600, "-"),
        (2_200, 2_500, "+"),
    ]


class Knowing:
    """Writes of each window what is in it."""

    def __init__(self, genes: Sequence[Gene], length: int) -> None:
        self.genes, self.length = genes, length

    def write(self, windows: Sequence[Window], progress: Progress = quiet) -> list[WindowLines]:
        pieces = placed_genes(self.genes, self.length).pieces
        own = windows_of(Contig("c", b"A" * self.length), pieces, PLAN, is_circular=True)
        lines: dict[int, Sequence[TargetLine]] = {window.start: window.lines for window in own}
        return [WindowLines(window.start, window.end, lines[window.start]) for window in windows]


def test_gff3_of_a_circular_contig(tmp_path: Path) -> None:
    annotator = Knowing([(2_200, 300, "+")], 2_300)
    contig = Contig("c", BASES[:2_300])
    features = tuple(annotate([contig], annotator, PLAN, circular=True))  # type: ignore[arg-type]
    write_gff3(Annotation(features), tmp_path / "c.gff3")
    assert (tmp_path / "c.gff3").read_text() == (
        "##gff-version 3\n"
        "c\tgindex\tregion\t1\t2300\t.\t+\t.\tID=c;Is_circular=true\n"
        "c\tgindex\tCDS\t2201\t2500\t.\t+\t0\tID=c-CDS-1\n"
    )
    annotation = read_annotation(tmp_path / "c.gff3")
    assert (annotation.circular, annotation.complaints) == ({"c"}, ())
