"""Windows and their text: cut marks, phases, the other strand; every text is read back."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from helpers.annotations import annotations, real_annotations
from hypothesis import given, settings
from hypothesis import strategies as st

from genome_index.errors import InputError, UsageError
from genome_index.io.sequence import reverse_complement
from genome_index.lab.annotate.corpus.target_text import (
    TargetLine,
    lines_of,
    mirrored,
    sorted_lines,
    target_text,
)
from genome_index.lab.annotate.corpus.windows import (
    Placed,
    Window,
    WindowPlan,
    biotype_of,
    cut_line,
    is_known,
    placed,
    starts_of,
    windows_of,
)
from genome_index.lab.annotate.files.features import Annotation, Feature, Part
from genome_index.lab.annotate.files.hierarchy import LANDMARKS, Hierarchy
from genome_index.lab.annotate.files.reader import read_annotation
from genome_index.lab.corpus.packing import bases_of, codes_of
from genome_index.records import Contig

BASES = bases_of(np.random.default_rng(0).integers(0, 4, 2_300).astype(np.uint8))


def cut(features: list[Feature], plan: WindowPlan, bases: bytes = BASES) -> list[Window]:
    circular = bool(Annotation(tuple(features)).circular)
    return list(windows_of(Contig("c", bases), place(features, len(bases), circular).pieces, plan, circular))


def place(features: list[Feature], length: int, is_circular: bool = False) -> Placed:
    return placed(Hierarchy(features), range(len(features)), length, is_circular)


def feature(kind: str, *parts: Part, **attributes: str) -> Feature:
    return Feature("c", "s", kind, parts, tuple((name, (value,)) for name, value in attributes.items()))


# -- exact windows -------------------------------------------------------------------------------------------

GENES = [
    feature("gene", Part(100, 1_250, "+"), ID="g", gene_biotype="protein_coding"),
    feature("CDS", Part(100, 400, "+", 0), Part(898, 1_250, "+", 2), ID="c", Parent="g"),
    feature("gene", Part(1_200, 1_600, "-"), ID="h"),
    feature("tRNA", Part(1_200, 1_600, "-"), ID="t", Parent="h"),
    feature("region", Part(0, 2_300, "+"), ID="r"),
]


def test_windows_have_their_lines_and_context() -> None:
    windows = cut(GENES, WindowPlan(1_000, 500, 50, both_strands=False))
    assert [(one.start, one.end, one.before, one.after) for one in windows] == [
        (0, 1_000, 0, 50), (500, 1_500, 50, 50), (1_000, 2_000, 50, 50), (1_300, 2_300, 50, 0)
    ]  # fmt: skip
    assert [one.sequence for one in windows] == [
        BASES[start:end].decode() for start, end in ((0, 1_050), (450, 1_550), (950, 2_050), (1_250, 2_300))
    ]
    assert [target_text(one.lines) for one in windows] == [
        "<bos>\n"
        "CDS\t101\t400\t+\t0\t0\tprotein_coding\n"
        "gene\t101\t>1000\t+\t.\t0\tprotein_coding\n"
        "CDS\t899\t>1000\t+\t2\t0\tprotein_coding\n"
        "<eos>",
        "<bos>\n"
        "gene\t<1\t750\t+\t.\t0\tprotein_coding\n"
        "CDS\t399\t750\t+\t2\t0\tprotein_coding\n"
        "gene\t701\t>1000\t-\t.\t1\t.\n"
        "tRNA\t701\t>1000\t-\t.\t1\t.\n"
        "<eos>",
        "<bos>\n"
        "CDS\t<1\t250\t+\t2\t0\tprotein_coding\n"  # (2 - 102) mod 3
        "gene\t<1\t250\t+\t.\t0\tprotein_coding\n"
        "gene\t201\t600\t-\t.\t1\t.\n"
        "tRNA\t201\t600\t-\t.\t1\t.\n"
        "<eos>",
        "<bos>\ngene\t<1\t300\t-\t.\t0\t.\ntRNA\t<1\t300\t-\t.\t0\t.\n<eos>",
    ]


def test_the_other_strand_is_mirrored() -> None:
    forward, reverse = cut(GENES, WindowPlan(1_000, 500, 50))[2:4]
    assert (reverse.start, reverse.end, reverse.strand) == (forward.start, forward.end, "-")
    assert reverse.sequence.encode() == reverse_complement(forward.sequence.encode())
    assert target_text(reverse.lines) == (
        "<bos>\n"
        "gene\t<1\t300\t+\t.\t0\t.\n"
        "tRNA\t<1\t300\t+\t.\t0\t.\n"
        "CDS\t251\t602\t-\t2\t1\tprotein_coding\n"
        "gene\t251\t>1000\t-\t.\t1\tprotein_coding\n"
        "<eos>"
    )
    first = cut(GENES, WindowPlan(1_000, 500, 50))[1]
    assert (first.before, first.after) == (50, 0)


@pytest.mark.parametrize(
    ("strand", "start", "phase"), [("+", 0, 1), ("+", 10, 0), ("+", 11, 2), ("+", 12, 1), ("-", 0, 0)]
)
def test_phase_of_a_cut_coding_sequence(strand: str, start: int, phase: int) -> None:
    """A part of 25 bases with phase 1, cut at the left; 30 bases follow in the window."""
    part = Part(0, 25, strand, 1 if strand == "+" else 0)  # type: ignore[arg-type]
    (piece,) = place([feature("CDS", part)], 60).pieces
    line = cut_line(piece, start, 60)
    assert (line.start, line.end, line.phase, line.begins_before) == (0, 25 - start, phase, start > 0)


def test_a_reverse_coding_sequence_loses_bases_at_the_right() -> None:
    (piece,) = place([feature("CDS", Part(0, 25, "-", 1))], 60).pieces
    assert [cut_line(piece, 0, end).phase for end in (25, 24, 23, 22)] == [1, 0, 2, 1]
    assert cut_line(piece, 5, 25).phase == 1
    (piece,) = place([feature("CDS", Part(0, 25, "?", 1))], 60).pieces
    assert [cut_line(piece, 0, end).phase for end in (25, 24)] == [1, None]


def test_a_feature_over_the_origin_is_whole_in_the_window_that_crosses_it() -> None:
    circle = [
        feature("region", Part(0, 2_300, "+"), ID="r", Is_circular="true"),
        feature("CDS", Part(2_200, 2_420, "+", 0), ID="c"),
        feature("tRNA", Part(600, 660, "-"), ID="t"),
    ]
    windows = cut(circle, WindowPlan(1_000, 1_000, 0, both_strands=False))
    assert [target_text(one.lines) for one in windows] == [
        "<bos>\nCDS\t<1\t120\t+\t2\t0\t.\ntRNA\t601\t660\t-\t.\t1\t.\n<eos>",  # 100 bases are gone
        "<bos>\n<eos>",
        "<bos>\nCDS\t201\t420\t+\t0\t0\t.\ntRNA\t901\t960\t-\t.\t1\t.\n<eos>",
    ]
    assert [(one.start, one.end) for one in windows] == [(0, 1_000), (1_000, 2_000), (2_000, 3_000)]


def test_context_of_a_circular_contig_is_taken_from_its_other_end() -> None:
    landmark = feature("region", Part(0, 2_300, "+"), Is_circular="true")
    windows = cut([landmark], WindowPlan(1_000, 500, 50, both_strands=False))
    assert [one.start for one in windows] == [0, 500, 1_000, 1_500, 2_000]
    turns = (BASES + BASES + BASES).decode()
    for one in windows:
        assert (one.before, one.after, one.circle_bp) == (50, 50, 2_300)
        assert one.sequence == turns[2_300 + one.start - 50 : 2_300 + one.end + 50]


def test_a_circle_shorter_than_a_window_is_read_twice_without_any_base_twice_in_a_window() -> None:
    circle = [
        feature("region", Part(0, 101, "+"), Is_circular="true"),
        feature("CDS", Part(90, 111, "-", 0), ID="c"),
    ]
    windows = cut(circle, WindowPlan(1_000, 500, 50, both_strands=False), BASES[:101])
    assert [(one.start, one.end, one.before, one.after) for one in windows] == [
        (0, 101, 0, 0), (51, 152, 0, 0)
    ]  # fmt: skip
    assert windows[1].sequence.encode() == BASES[51:101] + BASES[:51]
    assert [target_text(one.lines) for one in windows] == [
        "<bos>\nCDS\t<1\t10\t-\t0\t0\t.\nCDS\t91\t>101\t-\t2\t0\t.\n<eos>",  # 10 of 21 bases are gone
        "<bos>\nCDS\t40\t60\t-\t0\t0\t.\n<eos>",
    ]


def test_parts_without_a_place_are_counted() -> None:
    features = [
        feature("region", Part(0, 9, "+")), feature("gene", Part(5, 11, "+")),
        feature("gene", Part(5, 10, "+")), feature("gene", Part(10, 12, "+")),
    ]  # fmt: skip
    result = place(features, 10)
    assert [piece.end for piece in result.pieces] == [10]
    assert dict(result.left_out) == {
        ("region", "a landmark, not a feature of the sequence"): 1,
        ("gene", "it ends beyond its contig"): 2,
    }
    circle = place([*features, feature("gene", Part(19, 21, "+"))], 10, is_circular=True)
    assert circle.left_out["gene", "it ends beyond its contig"] == 1
    assert [(piece.start, piece.end) for piece in circle.pieces] == [(-5, 1), (0, 2), (5, 11), (5, 10)]


def test_biotypes_come_from_the_feature_or_its_ancestors() -> None:
    whole = Part(0, 9, "+")
    hierarchy = Hierarchy(
        [feature("gene", whole, ID="g", gene_type="lncRNA"), feature("mRNA", whole, ID="m", Parent="g"),
         feature("exon", whole, Parent="m"), feature("mRNA", whole, Parent="g", biotype="x"),
         feature("exon", whole)]
    )  # fmt: skip
    assert [biotype_of(hierarchy, at) for at in range(5)] == ["lncRNA", "lncRNA", "lncRNA", "x", ""]


def test_many_n_are_seen_without_the_context() -> None:
    plan = WindowPlan(10, 10, 5, both_strands=False)
    known = [is_known(one) for one in cut([], plan, b"ACGTANNNNN" + b"NNNNNNACGT" + b"N" * 10)]
    assert known == [True, False, False]


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        ({"window_bp": 0}, "--window 0: give a number of bases of at least 1"),
        ({"stride_bp": 0}, "--stride 0: give a number of bases of at least 1"),
        ({"flank_bp": -1}, "--flank -1: give a number of bases of at least 0"),
        (
            {"stride_bp": 1_001},
            "--stride 1001 is longer than --window 1000, so bases between windows would be left out; give a "
            "stride of at most the window",
        ),
    ],
)
def test_impossible_plans(values: dict[str, int], sentence: str) -> None:
    with pytest.raises(UsageError) as error:
        WindowPlan(**values)  # type: ignore[arg-type]
    assert str(error.value) == sentence


# -- text ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    ["", "<bos>", "<bos>\n", "gene\t1\t2\t+\t.\t0\t.\n<eos>", "<bos>\n\n<eos>",
     "<bos>\ngene\t0\t2\t+\t.\t0\t.\n<eos>", "<bos>\ngene\t3\t2\t+\t.\t0\t.\n<eos>",
     "<bos>\ngene\t1\t2\t+\t3\t0\t.\n<eos>", "<bos>\ngene\t1\t2\t+\t.\t0\n<eos>",
     "<bos>\ngene\t>1\t2\t+\t.\t0\t.\n<eos>", "<bos>\ngene\t1\t2\tx\t.\t0\t.\n<eos>"],
)  # fmt: skip
def test_text_that_is_no_target(text: str) -> None:
    with pytest.raises(ValueError, match="target text"):
        lines_of(text)


def target_lines(length: int = 60) -> st.SearchStrategy[TargetLine]:
    starts = st.integers(0, length - 1)
    names = st.sampled_from(["CDS", "gene", "a\tb\n%", "."]) | st.text(
        st.characters(exclude_categories=["Cs"]), min_size=1, max_size=4
    )
    return starts.flatmap(
        lambda start: st.builds(
            TargetLine, names, st.just(start), st.integers(start + 1, length), st.sampled_from("+-.?"),
            st.sampled_from([None, 0, 1, 2]), st.integers(0, 3), st.just("") | names, st.booleans(),
            st.booleans(),
        )
    )  # fmt: skip


@given(st.lists(target_lines(), max_size=8))
@settings(max_examples=50, deadline=None)
def test_text_is_read_back_and_two_mirrors_are_none(drawn: list[TargetLine]) -> None:
    lines = sorted_lines(drawn)
    assert tuple(lines_of(target_text(lines))) == lines
    assert sorted_lines(lines) == lines
    assert mirrored(mirrored(lines, 60), 60) == lines
    assert sorted_lines([replace(line, gene=7 - line.gene) for line in reversed(drawn)]) == lines
    seen = list(dict.fromkeys(line.gene for line in lines))
    assert seen == list(range(len(seen)))
    assert [(line.start, line.end, line.type) for line in lines] == sorted(
        (line.start, line.end, line.type) for line in lines
    )


def test_genes_with_equal_lines_are_told_by_their_others() -> None:
    same = TargetLine("gene", 0, 9, "+")
    other = TargetLine("CDS", 3, 9, "+")
    lines = sorted_lines([replace(same, gene=5), replace(same, gene=2), replace(other, gene=5)])
    assert [line.gene for line in lines] == [0, 1, 1]  # the first has no other lines
    assert mirrored(mirrored(lines, 20), 20) == lines


# -- windows of random and of real annotations ---------------------------------------------------------------


def expected_lines(features: tuple[Feature, ...], length: int, circular: bool, window: Window) -> list[tuple]:
    """Base by base, without genes and biotypes: what a forward window must have."""
    lines = []
    for one in features:
        for part in one.parts if one.type not in LANDMARKS else ():
            if part.end > length * (2 if circular else 1):
                continue
            walk = list(range(part.start, part.end))
            if part.strand == "-":
                walk.reverse()
            position = {
                base: (number - (part.phase or 0)) % 3 for number, base in enumerate(walk)
            }  # in the codon
            for shift in (0, length, -length) if circular else (0,):
                inside = [base for base in walk if window.start <= base - shift < window.end]
                if not inside:
                    continue
                left, right = min(inside), max(inside)
                phase = part.phase
                if phase is not None and len(inside) < len(walk):
                    phase = -position[inside[0]] % 3 if part.strand in "+-" else None
                place = (left - shift - window.start, right - shift - window.start + 1)
                cuts = (left > part.start, right < part.end - 1)
                lines.append((*place, one.type, part.strand, phase, *cuts))
    return sorted(lines, key=repr)


def check(annotation: Annotation, contig: Contig, plan: WindowPlan) -> int:
    """Check all windows of a contig; the number of lines."""
    own = tuple(one for one in annotation.features if one.contig == contig.name)
    hierarchy = Hierarchy(annotation.features)
    circular = contig.name in annotation.circular
    numbers = [at for at, one in enumerate(annotation.features) if one.contig == contig.name]
    pieces = placed(hierarchy, numbers, len(contig.sequence), circular).pieces
    bases = bases_of(codes_of(contig.sequence)).decode()
    lines = 0
    windows = list(windows_of(contig, pieces, plan, circular))
    turns = bases * 3 if circular else bases
    first = len(bases) if circular else 0
    for forward, reverse in zip(windows[::2], windows[1::2], strict=True):
        got = [(one.start, one.end, one.type, one.strand, one.phase, one.begins_before, one.ends_after)
               for one in forward.lines]  # fmt: skip
        assert sorted(got, key=repr) == expected_lines(own, len(bases), circular, forward)
        span = slice(first + forward.start - forward.before, first + forward.end + forward.after)
        assert forward.sequence == turns[span]
        for window in (forward, reverse):
            assert tuple(lines_of(target_text(window.lines))) == window.lines
        assert mirrored(reverse.lines, forward.end - forward.start) == forward.lines
        assert sorted(spelled(forward)) == sorted(spelled(reverse))
        lines += len(got)
    return lines


def spelled(window: Window) -> list[tuple[str, str]]:
    """The type of each line and its bases in the direction of its strand, from the first codon on."""
    own = window.sequence[window.before : len(window.sequence) - window.after]
    pieces = []
    for line in window.lines:
        bases = own[line.start : line.end]
        if line.strand == "-":
            bases = reverse_complement(bases.encode()).decode()
        if line.strand in "+-":
            pieces.append((line.type, bases[line.phase or 0 :]))
    return pieces


@given(
    annotations(120),
    st.integers(1, 50),
    st.integers(1, 50),
    st.integers(0, 9),
    st.booleans(),
    st.integers(30, 130),
)
@settings(max_examples=40, deadline=None)
def test_random_windows(
    annotation: Annotation, window: int, stride: int, flank: int, circular: bool, length: int
) -> None:
    plan = WindowPlan(window, min(stride, window), flank)
    for name in {one.contig for one in annotation.features}:
        landmark = Feature(name, "s", "region", (Part(0, length, "+"),), (("Is_circular", ("true",)),))
        own = Annotation((*annotation.features, *([landmark] if circular else [])))
        check(own, Contig(name, BASES[:length]), plan)


def test_windows_cover_a_contig() -> None:
    for length in (1, 7, 10, 11, 23, 40):
        starts = starts_of(length, WindowPlan(10, 4))
        assert sorted({at for start in starts for at in range(start, min(start + 10, length))}) == list(
            range(length)
        )
        assert len(set(starts)) == len(starts)
    assert starts_of(0, WindowPlan()) == []


@pytest.mark.long
def test_windows_of_real_records() -> None:
    lines: dict[str, int] = {}
    for path in real_annotations():
        if path.suffix not in (".gb", ".embl"):
            continue
        try:
            annotation = read_annotation(path)
        except InputError:
            continue
        for contig in annotation.sequences:
            lines[Path(path).name] = lines.get(path.name, 0) + check(annotation, contig, WindowPlan())
    assert sum(lines.values()) > 0
