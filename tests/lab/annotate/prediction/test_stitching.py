"""Stitching of windows: whole annotations come back, and windows that disagree are decided."""

from __future__ import annotations

from typing import Literal

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from genome_index.lab.annotate.corpus import windows as cutting
from genome_index.lab.annotate.corpus.target_text import TargetLine
from genome_index.lab.annotate.corpus.windows import WindowPlan, windows_of
from genome_index.lab.annotate.prediction import stitching
from genome_index.lab.annotate.prediction.gene_groups import gene_numbers
from genome_index.lab.annotate.prediction.stitching import STRANDS, WindowLines, stitch
from genome_index.records import Contig


def parts_of(windows: list[WindowLines]) -> list[tuple[int, int, str, bool]]:
    return [(part.start, part.end, part.leftmost.line.strand, part.is_cut) for part in stitch(windows)]


@st.composite
def annotations(draw: st.DrawFn) -> tuple[int, list[tuple[int, int, str]]]:
    """A length and features one behind the other, of up to 1,500 bp."""
    parts, at = list[tuple[int, int, str]](), draw(st.integers(0, 50))
    for _ in range(draw(st.integers(0, 8))):
        end = at + draw(st.integers(5, 1_500))
        parts.append((at, end, draw(st.sampled_from("+-"))))
        at = end + draw(st.integers(1, 200))
    return max(at, 60), parts


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(annotations(), st.sampled_from((300, 500, 700)))
def test_windows_of_an_annotation_give_it_back(annotation, stride: int) -> None:
    length, parts = annotation
    plan = WindowPlan(1_000, stride, 0, both_strands=False)
    pieces = [
        cutting.Piece(start, end, TargetLine("CDS", start, end, strand, 0, number))
        for number, (start, end, strand) in enumerate(parts)
    ]
    cut = windows_of(Contig("c", b"A" * length), pieces, plan)
    windows = [WindowLines(window.start, window.end, window.lines) for window in cut]
    assert parts_of(windows) == [(*part, False) for part in parts]
    assert all(part.first.line.phase == 0 for part in stitch(windows))


def cds(start: int, end: int, strand: str = "+", **marks: bool) -> TargetLine:
    return TargetLine("CDS", start, end, strand, 0, **marks)


@st.composite
def disagreeing(draw: st.DrawFn) -> list[WindowLines]:
    """Overlapping windows whose lines have little to do with each other."""
    lines = st.builds(
        lambda start, length, strand: cds(start, start + length, strand),
        st.integers(0, 500), st.integers(3, 500), st.sampled_from("+-"),
    )  # fmt: skip
    each = draw(st.lists(st.lists(lines, max_size=3), min_size=1, max_size=8))
    return [WindowLines(250 * at, 250 * at + 1_000, own) for at, own in enumerate(each)]


@settings(deadline=None)
@given(disagreeing())
def test_parts_found_by_place_are_compared_as_all_pairs_are(windows: list[WindowLines]) -> None:
    by_place = parts_of(windows)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(stitching, "BIN_BP", 10**9)
        assert parts_of(windows) == by_place


def test_of_two_starts_that_of_the_window_with_more_around_it_is_taken() -> None:
    windows = [WindowLines(0, 1_000, [cds(800, 970)]), WindowLines(500, 1_500, [cds(330, 470)])]
    assert parts_of(windows) == [(830, 970, "+", False)]


def test_two_features_that_one_window_has_are_both_kept() -> None:
    windows = [WindowLines(0, 1_000, [cds(100, 400), cds(150, 400)]), WindowLines(500, 1_500, [])]
    assert parts_of(windows) == [(100, 400, "+", False), (150, 400, "+", False)]


def test_a_cut_feature_is_left_out_where_a_window_that_would_show_its_end_has_none() -> None:
    first = WindowLines(0, 1_000, [cds(700, 1_000, ends_after=True)])
    assert parts_of([first]) == [(700, 1_000, "+", True)]
    assert parts_of([first, WindowLines(500, 1_500, [])]) == []
    assert parts_of([first, WindowLines(700, 1_700, [])]) == [
        (700, 1_000, "+", True)
    ]  # it begins at its edge


# The same windows read on the other strand ------------------------------------------------------------------


def reading(strand: Literal["+", "-"], lines: list[TargetLine], *probabilities: float) -> WindowLines:
    """What one window of 1,000 bp has, with all lines on the forward strand."""
    return WindowLines(0, 1_000, lines, probabilities, strand)


def test_of_two_starts_that_with_more_probability_is_taken() -> None:
    early, late = cds(100, 400), cds(160, 400)
    for sure in (early, late):
        (other,) = {early, late} - {sure}
        windows = [reading("+", [other], 0.5), reading("-", [sure], 0.6)]
        assert parts_of(windows) == parts_of(windows[::-1]) == [(sure.start, 400, "+", False)]


def test_probabilities_of_windows_that_agree_are_added() -> None:
    """Two windows on each strand, of which three have another start than the surest one."""
    windows = [
        WindowLines(0, 1_000, [cds(600, 900)], [0.9], "+"),
        WindowLines(500, 1_500, [cds(130, 400)], [0.4], "+"),
        WindowLines(0, 1_000, [cds(630, 900)], [0.4], "-"),
        WindowLines(500, 1_500, [cds(130, 400)], [0.4], "-"),
    ]
    assert parts_of(windows) == [(630, 900, "+", False)]
    assert parts_of(windows[:3]) == [(600, 900, "+", False)]


def test_a_window_votes_for_the_border_that_it_shows_alone() -> None:
    """The start is cut off in all windows but the first, which votes for it on either strand."""
    begun = [cds(800, 1_000, ends_after=True)], [cds(860, 1_000, ends_after=True)]
    rest = [cds(0, 100, begins_before=True)]
    windows = [
        WindowLines(0, 1_000, begun[0], [0.4], "+"), WindowLines(1_000 - 40, 2_000, rest, [0.9], "+"),
        WindowLines(0, 1_000, begun[1], [0.5], "-"), WindowLines(1_000 - 40, 2_000, rest, [0.9], "-"),
    ]  # fmt: skip
    assert parts_of(windows) == [(860, 1_060, "+", False)]


def test_what_both_strands_show_is_there_once_and_of_one_gene() -> None:
    both = [TargetLine("gene", 100, 400, "+"), cds(100, 400)]
    stitched = stitch([reading("+", both), reading("-", both)])
    assert [(part.leftmost.line.type, len(part.pieces)) for part in stitched] == [("CDS", 2), ("gene", 2)]
    assert len(set(gene_numbers(stitched))) == 1


def readings_of(parts: dict[tuple[str, int], tuple[int, int]]) -> list[WindowLines]:
    """Windows at 0 and 500 on both strands, some of which have a part, given in bp of the contig."""
    return [
        WindowLines(at, at + 1_000, [cds(start - at, end - at) for start, end in own], (), strand)
        for strand in STRANDS
        for at in (0, 500)
        for own in [[parts[strand, at]] if (strand, at) in parts else []]
    ]


def test_a_part_is_left_out_where_most_windows_around_it_have_nothing() -> None:
    part = 600, 900
    assert parts_of(readings_of({("+", 0): part})) == []
    assert parts_of(readings_of({("-", 500): part})) == []
    assert parts_of(readings_of({("+", 0): part, ("+", 500): part})) == [(*part, "+", False)]


def test_windows_at_whose_end_a_part_lies_do_not_speak_against_it() -> None:
    at_end = 900, 971  # of the windows at 0, which show 30 bp less for certain
    assert parts_of(readings_of({("+", 500): at_end})) == [(*at_end, "+", False)]
    assert parts_of(readings_of({("+", 500): (900, 970)})) == []


def test_a_window_with_another_start_does_not_speak_against_a_part() -> None:
    parts = {("+", 0): (600, 900), ("-", 500): (630, 900)}
    assert parts_of(readings_of(parts)) == [(630, 900, "+", False)]  # it lies further inside


def test_two_equal_features_stay_two() -> None:
    twice = [cds(100, 400), cds(100, 400)]
    assert len(stitch([reading("+", twice), reading("-", twice)])) == 2
    assert len(stitch([reading("+", twice), reading("-", twice[:1])])) == 2


def test_strands_and_types_are_not_joined() -> None:
    gene = TargetLine("gene", 600, 1_000, "+", None, 0, "", ends_after=True)
    windows = [
        WindowLines(0, 1_000, [gene, cds(600, 1_000, ends_after=True)]),
        WindowLines(500, 1_500, [TargetLine("gene", 100, 700, "+"), cds(100, 700, "-")]),
    ]
    assert (600, 1_200, "+", False) in parts_of(windows)
    assert (600, 1_200, "-", False) in parts_of(windows)
