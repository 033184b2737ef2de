"""Figures of genomes: their numbers against a base-by-base count, and the files."""

from __future__ import annotations

import itertools
import random
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from helpers.fasta import write_records
from helpers.figures import EACH_THEME, drawn_bases, given, require_legible

pytest.importorskip("matplotlib")

from hypothesis import strategies as st
from matplotlib.image import imread

from genome_index import Index, build_index
from genome_index.errors import UsageError
from genome_index.index.store.composition import (
    PIECES,
    decode_course,
    decode_windows,
    encode_course,
    encode_windows,
    yau_line,
)
from genome_index.io.reader import iter_genomes
from genome_index.io.sequence import COMPLEMENT, reverse_complement
from genome_index.records import Contig, Genome
from genome_index.report.figures.genome.alignment import fitted, medoid, other_strand
from genome_index.report.figures.genome.chaos_game import fcgr, fcgr_of_windows, reverse_complemented
from genome_index.report.figures.genome.composition_figure import composition_picture
from genome_index.report.figures.genome.dna_walks import (
    STEPS,
    WALKS,
    count_course,
    gc_along,
    level_along,
    skew_along,
    thin,
    walk,
    walk_of_course,
)
from genome_index.report.figures.genome.species import overlay, species_picture
from genome_index.report.figures.genome.subjects import Member, members, reference_subject
from genome_index.report.figures.genome.windows import (
    NOTHING,
    GenomeWindows,
    Window,
    nearest_windows,
    window_edges,
    windows_of_reference,
)
from genome_index.report.figures.genome.windows_figure import windows_picture
from genome_index.report.figures.style import PALETTE, THEMES, colours_of, save
from genome_index.report.figures.write_genomes import draw_genomes, draw_species

LETTERS = st.text("ACGTUacgtuNnRY", max_size=60).map(str.encode)
CONTIGS = st.lists(st.text("ACGTacgtN", min_size=1, max_size=50), min_size=1, max_size=4)
FILE = ("--genome-per", "file")


def genome(*contigs: str | bytes, name: str = "g") -> Genome:
    texts = [text.encode() if isinstance(text, str) else text for text in contigs]
    return Genome(name, tuple(Contig(str(number), text) for number, text in enumerate(texts)), "-")


# Walks ------------------------------------------------------------------------------------------------------

ROOT = 3**0.5 / 2
SINGLE_STEPS = {  # as published, one base a time: from (x, y) and the base, to where the walk stands next
    "yau": {"A": (0.5, -ROOT), "C": (ROOT, 0.5), "G": (ROOT, -0.5), "T": (0.5, ROOT)},
    "yau-bp": {"A": (1, -1), "C": (1, 0.5), "G": (1, -0.5), "T": (1, 1)},
    "gates": {"A": (0, -1), "C": (-1, 0), "G": (1, 0), "T": (0, 1)},
    "nandy": {"A": (-1, 0), "C": (0, 1), "G": (1, 0), "T": (0, -1)},
    "pyrimidine": {"A": (1, -1), "C": (1, 1), "G": (1, -1), "T": (1, 1)},
    "gc-skew": {"A": (1, 0), "C": (1, -1), "G": (1, 1), "T": (1, 0)},
}
SQUIGGLE = {"A": (0.5, 0), "C": (-0.5, 0), "G": (0.5, 1), "T": (-0.5, -1)}  # y after each half of a base
RANDIC = {"A": 3, "T": 2, "G": 1, "C": 0}


def dull_walk(sequence: bytes, name: str) -> list[tuple[float, float]]:
    x = y = 0.0
    found = []
    for letter in sequence.decode().upper().replace("U", "T"):
        known = letter in "ACGT"
        if name == "squiggle":
            before = y
            for height in SQUIGGLE[letter] if known else (0, 0):
                x, y = x + 0.5 * known, before + height
                found.append((x, y))
            continue
        if known and name == "randic":
            x, y = x + 1, RANDIC[letter]
        elif known:
            x, y = x + SINGLE_STEPS[name][letter][0], y + SINGLE_STEPS[name][letter][1]
        found.append((x, y))
    return found


def test_every_walk_has_its_dull_twin() -> None:
    assert set(WALKS) == {*SINGLE_STEPS, "squiggle", "randic"}


@pytest.mark.parametrize("name", WALKS)
@given(sequence=LETTERS)
def test_a_walk_is_one_step_a_base(name: str, sequence: bytes) -> None:
    expected = np.array(dull_walk(sequence, name)).reshape(-1, 2)
    assert walk(sequence, name) == pytest.approx(expected)


def test_the_line_of_yau_by_hand() -> None:
    expected = [(0.5, -0.866025), (1.366025, -0.366025), (2.232051, -0.866025), (2.732051, 0)]
    assert walk(b"ACGT", "yau") == pytest.approx(np.array(expected), abs=1e-6)


@given(sequence=LETTERS)
def test_the_complement_reflects_the_line_of_yau(sequence: bytes) -> None:
    line = walk(sequence, "yau")
    assert walk(sequence.translate(COMPLEMENT), "yau") == pytest.approx(line * (1, -1))


@pytest.mark.parametrize("name", STEPS)
@given(contigs=CONTIGS, pieces=st.integers(1, 20))
def test_a_walk_from_counts_is_the_walk_at_the_ends_of_the_pieces(
    name: str, contigs: list[str], pieces: int
) -> None:
    joined = "".join(contigs).encode()
    whole = np.vstack([np.zeros(2), walk(joined, name)])
    halves = 2 if name == "squiggle" else 1
    ends = [halves * -(-number * len(joined) // pieces) for number in range(1, pieces + 1)]
    found = walk_of_course(count_course(genome(*contigs), pieces), name)
    assert found == pytest.approx(whole[ends])


@given(contigs=CONTIGS)
def test_a_course_of_256_pieces_is_what_the_index_keeps(contigs: list[str]) -> None:
    one = genome(*contigs)
    course = count_course(one, PIECES)
    assert np.array_equal(course, decode_course(encode_course(one)))
    assert walk_of_course(course, "yau") == pytest.approx(yau_line(course))


@given(counts=st.lists(st.tuples(*[st.integers(0, 3)] * 4), min_size=1, max_size=12), over=st.integers(1, 6))
def test_gc_and_skew_in_windows(counts: list[tuple[int, ...]], over: int) -> None:
    gc, skew = gc_along(np.array(counts), over), skew_along(np.array(counts), over)
    for at in range(len(counts)):
        near = [counts[i] for i in range(at - (over - 1) // 2, at + over // 2 + 1) if 0 <= i < len(counts)]
        a, c, g, t = (sum(column) for column in zip(*near, strict=True))
        assert gc[at] == pytest.approx(
            100 * (c + g) / (a + c + g + t) if a + c + g + t else np.nan, nan_ok=True
        )
        assert skew[at] == pytest.approx((g - c) / (g + c) if g + c else np.nan, nan_ok=True)


@given(contigs=CONTIGS, over=st.integers(1, 3))
def test_mean_levels_are_those_of_the_walk(contigs: list[str], over: int) -> None:
    joined = "".join(contigs)
    course = count_course(genome(*contigs), len(joined))  # a piece a letter
    levels = [{"A": 3, "C": 0, "G": 1, "T": 2}.get(letter) for letter in joined.upper().replace("U", "T")]
    for at, found in enumerate(level_along(course, over)):
        near = [one for one in levels[max(0, at - (over - 1) // 2) : at + over // 2 + 1] if one is not None]
        assert found == pytest.approx(sum(near) / len(near) if near else np.nan, nan_ok=True)


@given(length=st.integers(0, 50), most=st.integers(2, 20))
def test_thinned_points_are_some_of_them_with_both_ends(length: int, most: int) -> None:
    points = np.arange(2.0 * length).reshape(-1, 2)
    found = thin(points, most)
    assert len(found) == min(length, most)
    if length:
        assert (found[0] == points[0]).all()
        assert (found[-1] == points[-1]).all()
    assert (np.diff(found[:, 0]) > 0).all()


# Fitting ----------------------------------------------------------------------------------------------------


def bumpy_genome(seed: int, length: int = 20_000) -> str:
    """Stretches of 100 bases, each of a composition of its own."""
    generator = random.Random(seed)
    parts = []
    for _ in range(length // 100):
        weights = [generator.random() + 0.2 for _ in "ACGT"]
        parts.append("".join(generator.choices("ACGT", weights, k=100)))
    return "".join(parts)


@pytest.mark.parametrize("strand", [1, -1])
@pytest.mark.parametrize("cut", [0, 64, 100])
def test_a_circle_is_read_as_the_other_one_was(strand: int, cut: int) -> None:
    text = bumpy_genome(1)
    at = cut * len(text) // PIECES
    turned = (text[at:] + text[:at]).encode()
    turned = turned if strand == 1 else reverse_complement(turned)
    expected = count_course(genome(text), PIECES)
    found, moved = fitted(count_course(genome(turned), PIECES), expected)
    assert moved == (strand == -1 or cut > 0)
    assert abs(walk_of_course(found, "yau") - walk_of_course(expected, "yau")).max() < 30


def test_what_has_nothing_in_common_is_left_as_it_is() -> None:
    for seed in range(10):
        course = count_course(genome(bumpy_genome(2 * seed)), PIECES)
        found, moved = fitted(course, count_course(genome(bumpy_genome(2 * seed + 1)), PIECES))
        assert not moved
        assert found is course


def test_the_other_strand_of_a_course() -> None:
    text = drawn_bases(3, 2_560)
    expected = count_course(genome(reverse_complement(text.encode())), PIECES)
    assert np.array_equal(other_strand(count_course(genome(text), PIECES)), expected)


def test_the_medoid_is_the_one_the_others_lie_beside() -> None:
    texts = [bumpy_genome(1), bumpy_genome(2), bumpy_genome(1)[:18_000] + bumpy_genome(9)[:2_000]]
    assert medoid([count_course(genome(text), PIECES) for text in texts]) in (0, 2)


# Chaos game -------------------------------------------------------------------------------------------------

CORNERS = {"A": (0, 0), "C": (0, 1), "G": (1, 1), "T": (1, 0)}


def dull_points(contigs: list[str], k: int) -> list[tuple[float, float]]:
    """Points of the chaos game, halfway to the corner of each base; any other letter starts anew."""
    found = []
    for text in contigs:
        x = y = 0.5
        run = 0
        for letter in text.upper():
            if letter not in CORNERS:
                x, y, run = 0.5, 0.5, 0
                continue
            x, y, run = (x + CORNERS[letter][0]) / 2, (y + CORNERS[letter][1]) / 2, run + 1
            if run >= k:
                found.append((x, y))
    return found


def test_points_by_hand() -> None:
    assert dull_points(["ACGT"], 1) == [(0.25, 0.25), (0.125, 0.625), (0.5625, 0.8125), (0.78125, 0.40625)]


@pytest.mark.parametrize(("word", "x", "y"), [("AAA", 0, 0), ("ACG", 4, 6), ("TGC", 3, 6), ("TTT", 7, 0)])
def test_the_cell_of_a_word(word: str, x: int, y: int) -> None:
    assert np.argwhere(fcgr(genome(word), 3)).tolist() == [[y, x]]


@given(contigs=CONTIGS, k=st.integers(1, 6))
def test_cells_are_the_histogram_of_the_points(contigs: list[str], k: int) -> None:
    expected = np.zeros((2**k, 2**k))
    for x, y in dull_points(contigs, k):
        expected[int(y * 2**k), int(x * 2**k)] += 1
    assert np.array_equal(fcgr(genome(*contigs), k), expected)


@given(contigs=CONTIGS, k=st.integers(1, 6))
def test_the_complement_is_the_mirror(contigs: list[str], k: int) -> None:
    other = genome(*(text.encode().translate(COMPLEMENT) for text in contigs))
    assert np.array_equal(fcgr(other, k), fcgr(genome(*contigs), k)[:, ::-1])


@given(contigs=CONTIGS, k=st.integers(1, 6))
def test_the_other_strand(contigs: list[str], k: int) -> None:
    other = genome(*(reverse_complement(text.encode()) for text in contigs))
    assert np.array_equal(fcgr(other, k), reverse_complemented(fcgr(genome(*contigs), k)))


def test_what_is_kept_gives_the_words_of_both_strands() -> None:
    one = genome(drawn_bases(4, 6_400, "AACGT"))
    cells = fcgr(one, 4)
    both = cells + reverse_complemented(cells)
    found = fcgr_of_windows(decode_windows(encode_windows(one)))
    assert found / found.sum() == pytest.approx(both / both.sum(), rel=0.05)


# What is drawn ----------------------------------------------------------------------------------------------


def told_apart(path: Path) -> int:
    """How many colours a picture has."""
    pixels = imread(path)
    assert pixels.shape[1] == 1_500
    return len(np.unique((pixels[..., :3] * 255).astype(np.uint8).reshape(-1, 3), axis=0))


@pytest.fixture(scope="module")
def index(demo_index: Path) -> Index:
    return Index.open(demo_index)


@pytest.mark.long
@pytest.mark.parametrize("theme", EACH_THEME)
def test_pictures_of_a_genome(index: Index, tmp_path: Path, theme: str) -> None:
    [drawn] = draw_genomes(index, ["DEMO_0001"], tmp_path / "out", theme)
    names = [f"DEMO_0001-{what}.{kind}" for what in ("composition", "windows") for kind in ("png", "svg")]
    assert [path.name for path in drawn.paths] == names
    assert sorted(names) == sorted(path.name for path in (tmp_path / "out").iterdir())
    assert told_apart(drawn.paths[0]) > 100
    assert told_apart(drawn.paths[2]) > 10
    paper = imread(drawn.paths[0])[0, 0, :3]
    assert tuple(round(255 * value) for value in paper) == tuple(bytes.fromhex(THEMES[theme].paper[1:]))
    assert drawn.paths[1].read_text().count("<path") > 50


@pytest.mark.long
@pytest.mark.parametrize("theme", EACH_THEME)
def test_the_picture_of_a_species(index: Index, tmp_path: Path, theme: str) -> None:
    drawn = draw_species(index, "Demobacter simulatus", tmp_path, theme)
    assert [path.name for path in drawn.paths] == [
        "Demobacter simulatus-species.png", "Demobacter simulatus-species.svg",
    ]  # fmt: skip
    assert told_apart(drawn.paths[0]) > 100


@pytest.mark.long
def test_figures_are_legible(index: Index) -> None:
    theme = THEMES["light"]
    subject = reference_subject(index, index.catalog.find(["DEMO_0005"])["DEMO_0005"])
    others = members(index, subject.species, without=subject.row)
    assert [one.id for one in others] == ["DEMO_0004"]
    require_legible(composition_picture(index, subject, others, theme))
    require_legible(windows_picture(windows_of_reference(index, subject.row), theme))
    laid = members(index, subject.species)
    require_legible(species_picture(subject.species, laid, 2, theme))
    require_legible(species_picture(subject.species, laid[:1], 1, theme))


@pytest.mark.long
def test_the_same_picture_gives_the_same_bytes(index: Index, tmp_path: Path) -> None:
    made = [
        save(
            species_picture("x", members(index, "Demobacter fictus"), 3, THEMES["light"]),
            tmp_path / name / "x",
        )
        for name in ("a", "b")
    ]
    for first, second in zip(*made, strict=True):
        assert first.read_bytes() == second.read_bytes()
    assert b"<dc:date>" not in made[0][1].read_bytes()


def test_an_axis_in_millions_leaves_room_for_its_labels(index: Index) -> None:
    """Of a large reference the index keeps no bases: course and windows are enough for its composition."""
    subject = reference_subject(index, index.catalog.find(["DEMO_0005"])["DEMO_0005"])
    large = type(subject)(
        subject.id * 12,
        subject.species,
        "nearest",
        4_000_000,
        subject.stored_course * 60,
        subject.stored_course,
        None,
        subject.row,
    )
    require_legible(composition_picture(index, large, members(index, subject.species), THEMES["dark"]))


@pytest.mark.long
def test_a_large_reference_has_a_composition_and_a_note(tmp_path: Path) -> None:
    path = tmp_path / "large.fa"
    path.write_text(f">large\n{bumpy_genome(5, 520_000)}\n")
    built = build_index([path, *_two_short(tmp_path)], tmp_path / "index").index
    [drawn] = draw_genomes(built, ["large"], tmp_path / "out")
    sentence = (
        "large: the index does not store the bases of a genome this large, so its windows cannot be "
        "searched; give its file"
    )
    assert drawn.note == sentence
    assert [one.name for one in drawn.paths] == ["large-composition.png", "large-composition.svg"]
    with pytest.raises(UsageError, match=f"^{sentence}$"):
        windows_of_reference(built, built.catalog.find(["large"])["large"].row)


def _two_short(folder: Path) -> list[Path]:
    paths = [folder / f"{name}.fa" for name in "ab"]
    for seed, path in enumerate(paths):
        path.write_text(f">{path.stem}\n{drawn_bases(seed, 3_000)}\n")
    return paths


@pytest.mark.long
def test_a_real_mitogenome_and_its_species(shared_genomes: Path, tmp_path: Path) -> None:
    with (shared_genomes / "mito.tsv").open() as table:
        rows = [line.split("\t") for line in table]
    column = rows[0].index("species")
    carps = [row[0] for row in rows if row[column] == "Cyprinus carpio"]
    wanted = {*carps, *[row[0] for row in rows[1:40]]}
    write_records(shared_genomes / "mito.fa.gz", wanted, tmp_path / "m.fa")
    built = build_index([tmp_path / "m.fa"], tmp_path / "index", shared_genomes / "mito.tsv", "record").index
    subject = reference_subject(built, built.catalog.find(carps[:1])[carps[0]])
    assert len(carps) >= 5
    require_legible(
        composition_picture(built, subject, members(built, "Cyprinus carpio", subject.row), THEMES["light"])
    )
    drawn = windows_of_reference(built, subject.row)
    require_legible(windows_picture(drawn, THEMES["dark"]))
    assert drawn.shares()["Cyprinus carpio"] > 0.9
    laid = overlay(members(built, "Cyprinus carpio"))
    assert laid.lines.shape == (len(carps), PIECES, 2)
    spread = abs(laid.lines - laid.shared).max(axis=(1, 2))
    assert np.median(spread) < 0.01 * 16_581  # one species, one path
    [drawn] = draw_genomes(built, carps[:1], tmp_path / "out", "dark")
    assert told_apart(drawn.paths[0]) > 100


def test_the_shared_path_is_the_median_of_turned_members() -> None:
    text = bumpy_genome(6)
    texts = [text, text[5_000:] + text[:5_000], text[:15_000] + drawn_bases(7, 5_000, "ACCGTT")]
    found = overlay(
        [Member(str(i), len(one), count_course(genome(one), PIECES)) for i, one in enumerate(texts)]
    )
    assert found.moved == 1
    assert found.at[-1] == 1
    assert found.shared == pytest.approx(walk_of_course(count_course(genome(text), PIECES), "yau"))


def test_colours_beyond_the_palette_are_one_tone() -> None:
    theme = THEMES["light"]
    colours = colours_of([str(number) for number in range(len(PALETTE) + 3)], theme)
    assert len(set(PALETTE)) == len(PALETTE)
    assert Counter(colours.values())[theme.others] == 3
    assert theme.others not in PALETTE


# Windows ----------------------------------------------------------------------------------------------------


@given(length=st.integers(500, 100_000), windows=st.integers(1, 60))
def test_windows_cover_the_genome_and_none_is_short(length: int, windows: int) -> None:
    edges = window_edges(length, windows)
    assert edges[0][0] == 0
    assert edges[-1][1] == length
    assert all(before[1] == after[0] for before, after in itertools.pairwise(edges))
    sizes = [end - start for start, end in edges]
    assert min(sizes) >= 500
    assert max(sizes) - min(sizes) <= 1
    assert len(edges) == min(windows, length // 500)


def demo_text(demo: Path, number: int) -> str:
    [one] = iter_genomes([demo / "genomes" / f"DEMO_{number:04}.fa.gz"])
    return "".join(contig.sequence.decode() for contig in one.contigs)


@pytest.fixture(scope="module")
def chimera(demo: Path) -> Genome:
    """30 kbp of Demobacter simulatus, 20 kbp of Specimenella levis, and 10 kbp of random bases."""
    parts = demo_text(demo, 5)[:30_000], demo_text(demo, 17)[:20_000]
    return genome("".join(parts), drawn_bases(8, 10_000), name="chimera")


def test_a_chimera_changes_its_species_and_random_bases_have_none(index: Index, chimera: Genome) -> None:
    drawn = nearest_windows(index, chimera)
    assert [(one.start, one.end) for one in drawn.windows] == window_edges(60_000, 40)
    assert drawn.contig_ends == (50_000, 60_000)
    for window in drawn.windows:
        expected = ("Demobacter", "Demobacter simulatus") if window.end <= 30_000 else (
            "Specimenella", "Specimenella levis")  # fmt: skip
        if window.end <= 30_000 or window.start >= 30_000 and window.end <= 49_500:
            assert (window.genus, window.species) == expected
            assert window.identity == pytest.approx(1, abs=0.02)
        elif window.start >= 50_000:
            assert window == Window(window.start, window.end)
    shares = drawn.shares()
    assert list(shares)[0] == "Demobacter simulatus"
    assert list(shares)[-1] == NOTHING
    assert sum(shares.values()) == pytest.approx(1)
    assert shares["Demobacter simulatus"] == pytest.approx(0.5, abs=0.026)
    assert shares["Specimenella levis"] == pytest.approx(0.33, abs=0.026)


@pytest.mark.parametrize(("own", "neighbours"), [(1, 1), (60, 0)], ids=["windows", "genome"])
def test_candidates_are_the_nearest_of_the_genome_and_of_each_window(
    index: Index, chimera: Genome, monkeypatch: pytest.MonkeyPatch, own: int, neighbours: int
) -> None:
    """Of 60 references each by itself is enough; a larger index has more than either finds."""
    expected = nearest_windows(index, chimera).shares()
    room = "genome_index.report.figures.genome.windows."
    for name, value in (("CANDIDATES", own), ("DUPLICATES", 0), ("NEIGHBOURS", neighbours)):
        monkeypatch.setattr(room + name, value)
    assert nearest_windows(index, chimera).shares() == pytest.approx(expected, abs=0.03)


def test_identity_is_that_of_the_best_of_all_references(index: Index, demo: Path) -> None:
    """Against every reference, by plain sets of k-mers."""
    from genome_index.index.store.sketches import hash_sketch

    one = genome(demo_text(demo, 5)[:6_000], name="part")
    drawn = nearest_windows(index, one, 4)
    best = []
    for start, end in window_edges(6_000, 4):
        own = set(hash_sketch(genome(one.contigs[0].sequence[start:end]), index.spec).tolist())
        shared = [len(own & set(index.references.hashes(row).tolist())) / len(own) for row in range(60)]
        best.append(max(shared) ** (1 / index.spec.sketch_k))
    assert [window.identity for window in drawn.windows] == pytest.approx(best, rel=1e-6)


def test_a_genome_is_no_evidence_of_itself(index: Index) -> None:
    row = index.catalog.find(["DEMO_0005"])["DEMO_0005"].row
    drawn = windows_of_reference(index, row)
    assert "DEMO_0005" not in {window.reference for window in drawn.windows}
    assert drawn.shares() == pytest.approx({"Demobacter simulatus": 1.0})
    assert np.mean([window.identity for window in drawn.windows]) == pytest.approx(0.985, abs=0.01)


def test_no_kmer_spans_two_contigs(index: Index, demo: Path) -> None:
    text = demo_text(demo, 5)[:1_000]
    pieces = [text[start : start + 20] for start in range(0, 1_000, 20)]  # none contains a k-mer of 21
    assert nearest_windows(index, genome(*pieces)).shares() == {NOTHING: 1.0}


def test_a_short_genome_has_no_windows(index: Index) -> None:
    sentence = "g: 100 bp is too short to be called: at least 500 bp are required."
    with pytest.raises(UsageError, match=f"^{sentence}$"):
        nearest_windows(index, genome("ACGT" * 25))


def test_a_legend_names_the_palette_and_counts_the_rest() -> None:
    windows = [Window(at * 500, at * 500 + 500, str(at), f"Species {at:02}", None, 0.9) for at in range(15)]
    drawn = GenomeWindows("many", 10_000, (10_000,), (*windows, Window(7_500, 10_000)))
    assert list(drawn.shares())[-1] == NOTHING
    figure = windows_picture(drawn, THEMES["light"])
    require_legible(figure)
    labels = [text.get_text() for text in figure.legends[0].get_texts()]
    assert labels[0] == "Species 00, 5%"
    assert labels[len(PALETTE) :] == ["3 more, 15%", "nothing shared, 25%"]


# The command ------------------------------------------------------------------------------------------------


@pytest.mark.long
def test_the_commands(gindex, demo, demo_index, tmp_path) -> None:
    out = tmp_path / "out"
    result = gindex("draw", "genome", demo / "sample.fasta", *FILE, "--index", demo_index, "--out", out)
    paths = [out / f"sample-{what}.{kind}" for what in ("composition", "windows") for kind in ("png", "svg")]
    assert (result.exit_code, result.stdout) == (0, "")
    assert result.stderr == "".join(f"wrote {path}\n" for path in paths)
    assert "sample" in {path.name.partition("-")[0] for path in out.iterdir()}
    arguments = ("--index", demo_index, "--out", out, "--theme", "dark")
    result = gindex("draw", "species", "Specimenella levis", *arguments)
    assert (result.exit_code, result.stderr) == (
        0, "".join(f"wrote {out}/Specimenella levis-species.{kind}\n" for kind in ("png", "svg")),
    )  # fmt: skip


@pytest.mark.long
def test_one_bad_file_stops_nothing(gindex, demo_index, tmp_path, write_fasta) -> None:
    short = write_fasta("short.fa", {"short": "ACGT" * 25})
    bad = tmp_path / "bad.fa"
    bad.write_text("no sequence")
    result = gindex("draw", "genome", short, bad, "DEMO_0001", "--index", demo_index, "--out", tmp_path / "o")
    assert result.exit_code == 1
    assert result.stderr.splitlines()[:2] == [
        f"failed: {short}: short: 100 bp is too short to be called: at least 500 bp are required.",
        f"failed: {bad}: bad: neither FASTA nor GenBank: expected '>' or 'LOCUS' at the start but found "
        "'no sequenc'",
    ]
    assert result.stderr.count("wrote ") == 4


WRONG = {
    "id": (
        "genome DEMO_0001 DEMO_9999",
        "{index}: no genome has the id 'DEMO_9999', and there is no file of that name; `gindex list` lists "
        "the ids, or give the path of a FASTA or GenBank file",
    ),
    "theme": (
        "genome DEMO_0001 --theme blue",
        "--theme is 'blue'; choose light or dark; see `gindex draw genome --help`",
    ),
    "per": (
        "genome DEMO_0001 --genome-per contig",
        "--genome-per is 'contig'; choose file or record; see `gindex draw genome --help`",
    ),
    "species": (
        "species Demobacterfictus",
        "{index}: no genome is of the species 'Demobacterfictus'; did you mean 'Demobacter fictus'?",
    ),
    "no such species": (
        "species xyz",
        "{index}: no genome is of the species 'xyz'; `gindex list` lists the species",
    ),
    "species' theme": (
        "species xyz --theme blue",
        "--theme is 'blue'; choose light or dark; see `gindex draw species --help`",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("arguments", "sentence"), WRONG.values(), ids=WRONG)
def test_wrong_use(gindex, demo_index, tmp_path, arguments: str, sentence: str) -> None:
    result = gindex("draw", *arguments.split(), "--index", demo_index, "--out", tmp_path / "out")
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr == f"gindex: {sentence.format(index=demo_index)}\n"
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("arguments", ["genome DEMO_0001", "species x"])
def test_without_matplotlib(gindex, demo_index, monkeypatch, arguments: str) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    result = gindex("draw", *arguments.split(), "--index", demo_index)
    assert result.exit_code == 2
    assert (
        result.stderr == "gindex: gindex draw needs matplotlib; install with `pip install 'gindex[report]'`\n"
    )


def test_an_output_folder_that_is_a_file(gindex, demo_index, tmp_path) -> None:
    (tmp_path / "out").write_text("")
    result = gindex("draw", "species", "Demobacter fictus", "--index", demo_index, "--out", tmp_path / "out")
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr.startswith(f"gindex: {tmp_path / 'out'}: cannot write here (File exists); ")
