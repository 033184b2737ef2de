"""Contigs and reads one by one: the words they share, their rows, their names, and what a file is made of."""

from __future__ import annotations

import gzip
import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from helpers.fasta import Gindex, WriteFasta

from genome_index.classify.elected_names import Name
from genome_index.classify.fragments import calibration as fragment_fit
from genome_index.classify.fragments import calls as fragments
from genome_index.classify.fragments.calibration import calibrators_of, genus_halves
from genome_index.classify.fragments.calls import query_fragments, with_unique_names
from genome_index.classify.fragments.cutting import LENGTHS, cut_fragments, length_class
from genome_index.classify.fragments.decision import called_rank, fragment_names
from genome_index.classify.fragments.hits import ReferenceTable, fragments_of, hits_of
from genome_index.classify.fragments.kmer_scan import LEAST_SHARED, most_shared
from genome_index.classify.fragments.summary import FragmentSummary
from genome_index.index.calibration.hits import HeldOut, nothing_held_out
from genome_index.index.index import Index
from genome_index.pipeline import build_index, query_index
from genome_index.records import Call, Contig, Failure, Genome
from genome_index.spec import IndexSpec

BASES = np.frombuffer(b"ACGT", np.uint8)


@pytest.fixture(scope="module")
def index(demo_index: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the demo's index that keeps what fragments have taught."""
    return Path(shutil.copytree(demo_index, tmp_path_factory.mktemp("fragments") / "index"))


@pytest.fixture(scope="module")
def table(index: Path) -> ReferenceTable:
    return ReferenceTable.of(Index.open(index))


@pytest.fixture(autouse=True)
def few_fragments(monkeypatch: pytest.MonkeyPatch) -> None:
    """As many as sixty genomes can do with, and quickly."""
    monkeypatch.setattr(fragment_fit, "FRAGMENTS", 60)


def sequence_of(demo: Path, number: int) -> str:
    with gzip.open(demo / "genomes" / f"DEMO_{number:04}.fa.gz", "rt") as lines:
        return "".join(line.strip() for line in lines if not line.startswith(">"))


def noise(length: int, seed: int = 0) -> str:
    return BASES[np.random.default_rng(seed).integers(0, 4, length)].tobytes().decode()


def query(gindex: Gindex, index: Path, *words: object) -> list[dict]:
    done = gindex("query", "--fragments", "--index", index, "--format", "jsonl", *words)
    assert done.exit_code in (0, 1), done.output
    return [json.loads(line) for line in done.stdout.splitlines()]


# -- words ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("held_out", [False, True])
def test_the_scan_counts_what_sets_have_in_common(table: ReferenceTable, held_out: bool) -> None:
    taken = cut_fragments(table, table.rows, 3_000, 20, seed=3)
    pieces = fragments_of(table.index, taken.pieces)
    codes = table.index.model.levels["species"].codes
    held = nothing_held_out(len(taken.rows), len(codes))
    if held_out:
        held = HeldOut(taken.rows, codes, codes[taken.rows])
    references = table.index.references
    found = most_shared(references, table.rows, pieces.words, pieces.limits, 7, held, threads=2)
    sketches = {row: set(references.hashes(row).tolist()) for row in table.rows.tolist()}
    for i, row in enumerate(taken.rows.tolist()):
        own = set(pieces.words[i].tolist())
        counts = {
            other: len(own & sketch)
            for other, sketch in sketches.items()
            if not held_out or (other != row and codes[other] != codes[row])
        }
        expected = sorted((count for count in counts.values() if count >= LEAST_SHARED), reverse=True)[:7]
        assert found.count[i][found.rows[i] >= 0].tolist() == expected
        for other, count, size in zip(found.rows[i], found.count[i], found.size[i], strict=True):
            if other >= 0:
                assert count == counts[int(other)]
                assert size == min(len(own), len(sketches[int(other)]))
    if not held_out:
        assert (found.rows[:, 0] == taken.rows).mean() > 0.9


def test_the_scan_compares_sketches_of_two_densities_at_the_coarser(
    six_genomes: list[Path], demo: Path, tmp_path: Path
) -> None:
    spec = IndexSpec(small_bp=20_000, large_scaled=32)
    build_index(six_genomes, tmp_path / "index", demo / "taxonomy.tsv", spec=spec)
    coarse = ReferenceTable.of(Index.open(tmp_path / "index"))
    piece = Genome("piece", (Contig("piece", sequence_of(demo, 1)[:9_000].encode()),), "-")
    hits = hits_of(coarse, fragments_of(coarse.index, [piece]), nothing_held_out(1, 6))
    assert coarse.index.entry(int(hits.rows[0, 0])).id == "DEMO_0001"
    assert (
        hits.kmer_identity[0, 0] == 1.0
    )  # a quarter of the piece's words, were they not brought to one density


# -- rows ----------------------------------------------------------------------------------------------------


def test_every_record_has_its_row_and_its_own_name(
    gindex: Gindex, index: Path, demo: Path, write_fasta: WriteFasta
) -> None:
    known = sequence_of(demo, 1)
    first = write_fasta("one.fa", {"a": known[:3_000], "b": known[:499], "c": known[5_000:5_500]})
    second = write_fasta("two.fa", {"a": known[9_000:12_000], "bad": "MKVLAFFQ" * 100})
    rows = query(gindex, index, first, second)
    assert [row["query"] for row in rows] == ["a", "b", "c", "two:a", "bad"]
    assert [row["length_bp"] for row in rows] == [3_000, 499, 500, 3_000, 0]
    assert rows[1]["verdict"] == "qc_fail"
    assert "499 bp is too short" in rows[1]["reason"]
    assert rows[4]["verdict"] == "failed"
    assert {rows[at]["name"] for at in (0, 2, 3)} == {"Demobacter fictus"}
    assert all("sampled words" in rows[at]["reason"] for at in (0, 2, 3))
    assert rows[0]["closest"]["ani_reason"] == fragments.NOT_MEASURED


def test_names_differ_whatever_files_and_records_are_called() -> None:
    same = [Failure("a", source, "") for source in ("x.fa", "y/x.fa", "x.fa")] + [Failure("x:a", "z", "")]
    assert [one.id for one in with_unique_names(same)] == ["a", "x:a", "x:a#2", "z:x:a"]


def test_answers_do_not_depend_on_the_batch(
    table: ReferenceTable, demo: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pieces = cut_fragments(table, table.rows, 1_000, 12, seed=1).pieces
    together = list(fragments.answer_fragments(table.index, pieces, fragments.QuerySettings()))
    monkeypatch.setattr(fragments, "BATCH_FRAGMENTS", 5)
    apart = list(fragments.answer_fragments(table.index, iter(pieces), fragments.QuerySettings(threads=2)))
    assert [(one.query, one.name, one.reason) for one in apart] == [
        (one.query, one.name, one.reason) for one in together
    ]


def test_no_more_than_a_batch_is_read_ahead(table: ReferenceTable, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fragments, "BATCH_FRAGMENTS", 4)
    taken: list[str] = []

    def stream() -> object:
        for number, piece in enumerate(cut_fragments(table, table.rows, 1_000, 12, seed=1).pieces):
            taken.append(piece.id)
            yield Genome(f"{number}", piece.contigs, "-")

    calls = fragments.answer_fragments(table.index, stream(), fragments.QuerySettings())  # type: ignore[arg-type]
    assert next(calls).query == "0"
    assert len(taken) == 4


def test_noise_is_out_of_scope_at_every_length(index: Path, write_fasta: WriteFasta) -> None:
    path = write_fasta("noise.fa", {f"n{bp}": noise(bp, bp) for bp in LENGTHS})
    calls = list(query_fragments(index, [path]))
    assert [call.verdict for call in calls] == ["out_of_scope"] * len(LENGTHS)
    assert all(call.name is None and call.confidence is None for call in calls)


@pytest.mark.parametrize(
    "words", [("--genome-per", "record"), ("--report", "page.html"), ("--exclude-identical",)]
)
def test_what_is_for_whole_genomes_is_refused(
    gindex: Gindex, index: Path, demo: Path, words: tuple[str, ...]
) -> None:
    done = gindex("query", "--fragments", "--index", index, demo / "sample.fasta", *words)
    assert done.exit_code == 2
    assert f"{words[0]} is for whole genomes" in done.stderr


# -- what a file is made of ----------------------------------------------------------------------------------


def test_a_mixed_assembly_shows(gindex: Gindex, index: Path, demo: Path, write_fasta: WriteFasta) -> None:
    one, other = sequence_of(demo, 1), sequence_of(demo, 15)
    records = {f"one{at}": one[at : at + 3_000] for at in range(0, 18_000, 3_000)}
    records |= {f"other{at}": other[at : at + 3_000] for at in range(0, 6_000, 3_000)}
    path = write_fasta("mixed.fa", records)
    done = gindex("query", "--fragments", "--index", index, path)
    assert done.exit_code == 0, done.output
    tail = done.stdout.split(f"{path}, 24,000 bp in 8 fragments, by bases:\n")[1]
    assert " 75.0%         18,000 bp  Demobacter fictus\n" in tail
    assert f"{path}: 8 fragments, 24,000 bp: " in done.stderr


def test_shares_add_up_and_the_least_are_taken_together() -> None:
    makeup = FragmentSummary()
    for number in range(25):
        makeup.add(Call(f"{number}", "-", 100 + number, "species", "", "species", f"Genus s{number}"))
    makeup.add(Call("short", "-", 40, "qc_fail", ""))
    makeup.add(Call("far", "-", 5_000, "genus", "", "genus", "Genus"))
    shares = makeup.shares()
    assert shares[0] == ("Genus (genus)", 5_000, 5_000 / makeup.bases)
    assert shares[-1][0] == "7 others"
    assert sum(bases for _, bases, _ in shares) == makeup.bases == 5_000 + 40 + sum(range(100, 125))


# -- learning ------------------------------------------------------------------------------------------------


def test_what_was_learned_is_kept_and_made_anew_when_damaged(index: Path) -> None:
    fitted = calibrators_of(Index.open(index))
    (kept,) = (index / "fragments").iterdir()
    before = kept.read_bytes()
    assert set(fitted) == set(LENGTHS)
    again = calibrators_of(Index.open(index))
    assert again[1_000]["genus"].to_json() == fitted[1_000]["genus"].to_json()
    kept.write_bytes(before[:-2] + b"9}")
    assert calibrators_of(Index.open(index))[500]["family"].samples == fitted[500]["family"].samples
    assert kept.read_bytes() == before


def test_calls_of_whole_genomes_are_as_they_were(demo_index: Path, index: Path, demo: Path) -> None:
    calibrators_of(Index.open(index))
    paths = [demo / "novel.fasta", demo / "genomes" / "DEMO_0001.fa.gz"]
    assert list(query_index(index, paths)) == list(query_index(demo_index, paths))


def test_a_plain_query_of_what_may_be_a_piece_says_how_to_ask(
    demo_index: Path, demo: Path, write_fasta: WriteFasta
) -> None:
    whole = sequence_of(demo, 1)
    records = {"odd": noise(3_000), "wholly odd": noise(len(whole)), "piece": whole[: len(whole) * 6 // 10]}
    path = write_fasta("some.fa", records)
    odd, large, called = query_index(demo_index, [path], per="record")
    assert any("ask with --fragments" in warning for warning in odd.warnings)
    assert odd.warnings[-1].startswith("3,000 bp where its hits have ")
    assert not any("--fragments" in warning for warning in (*large.warnings, *called.warnings))
    assert called.verdict == "species"


def test_without_bases_a_rule_of_thumb_decides_and_says_so(
    six_genomes: list[Path], demo: Path, tmp_path: Path, write_fasta: WriteFasta
) -> None:
    build_index(six_genomes, tmp_path / "index", demo / "taxonomy.tsv", spec=IndexSpec(small_bp=20_000))
    path = write_fasta("piece.fa", {"piece": sequence_of(demo, 1)[:9_000], "noise": noise(9_000)})
    called, random = query_fragments(tmp_path / "index", [path])
    assert called.name == "Demobacter fictus"
    assert fragments.BY_RULE in called.warnings
    assert random.verdict == "out_of_scope"


def test_lengths_are_learned_from_pieces_of_that_length(table: ReferenceTable) -> None:
    for length in LENGTHS:
        taken = cut_fragments(table, table.rows, length, 30, seed=2)
        assert len(taken.pieces) == 30
        assert {length_class(piece.length_bp) for piece in taken.pieces} == {length}
        for row, piece in zip(taken.rows.tolist(), taken.pieces, strict=True):
            genome = table.index.references.genome(row)
            assert genome is not None
            assert any(piece.contigs[0].sequence in contig.sequence for contig in genome.contigs)


# -- real genomes --------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def viruses(shared_genomes: Path, tmp_path_factory: pytest.TempPathFactory) -> ReferenceTable:
    """An index of the real dengue genomes, whose labels are serotypes."""
    path = tmp_path_factory.mktemp("dengue") / "index"
    build_index([shared_genomes / "dengue.fa.gz"], path, shared_genomes / "dengue.tsv", per="record")
    return ReferenceTable.of(Index.open(path))


@pytest.mark.parametrize(("length", "least"), [(500, 0.9), (3_000, 0.97)])
def test_a_piece_of_a_real_genome_finds_its_serotype_without_that_genome(
    viruses: ReferenceTable, length: int, least: float
) -> None:
    model = viruses.index.model
    level = model.levels["subtype"]
    taken = cut_fragments(viruses, viruses.rows, length, 60, seed=5)
    nothing = np.full(len(viruses.length_bp), -1, np.int32)
    held = HeldOut(taken.rows, nothing, nothing[taken.rows])
    hits = hits_of(viruses, fragments_of(viruses.index, taken.pieces), held)
    assert not (hits.rows == taken.rows[:, None]).any()
    assert (level.codes[hits.rows[:, 0]] == level.codes[taken.rows]).mean() >= least


@pytest.mark.parametrize(("shared", "enough"), [(1.0, True), (0.9, True), (0.05, False)])
def test_a_species_asks_for_its_identity_whatever_the_confidence(
    table: ReferenceTable, shared: float, enough: bool
) -> None:
    """A certain name at 5 % of the words, an identity of 87 %, is no species; at 90 % of them it is."""
    taken = cut_fragments(table, table.rows, 3_000, 1, seed=4)
    pieces = fragments_of(table.index, taken.pieces)
    model = table.index.model
    hits = hits_of(table, pieces, nothing_held_out(1, len(model.live)))
    hits = replace(hits, kmer_identity=np.minimum(hits.kmer_identity, np.float32(shared ** (1 / 21))))
    code = int(model.levels["species"].codes[taken.rows[0]])
    names = {rank: Name(code if rank == "species" else -1, 0.99, 0.5) for rank in model.levels}
    assert called_rank(table.index, pieces, hits, 0, names) == ("species" if enough else None)


def test_halves_share_no_genus(table: ReferenceTable) -> None:
    genus = table.index.model.levels["genus"].codes
    teach, test = genus_halves(table, seed=1)
    assert sorted([*teach, *test]) == table.rows.tolist()
    assert not set(genus[teach].tolist()) & set(genus[test].tolist())


def test_a_species_that_is_not_there_is_not_called(table: ReferenceTable) -> None:
    """Of pieces whose species is left out hardly any gets a species; what is called instead is right."""
    model = table.index.model
    calibrators = calibrators_of(table.index)
    taken = cut_fragments(table, table.rows, 3_000, 100, seed=9)
    pieces = fragments_of(table.index, taken.pieces)
    codes = model.levels["species"].codes
    hits = hits_of(table, pieces, HeldOut(taken.rows, codes, codes[taken.rows]))
    names = fragment_names(model, calibrators, pieces, hits)
    ranks = [called_rank(table.index, pieces, hits, i, names[i]) for i in range(100)]
    assert ranks.count("species") <= 3
    genus = model.levels["genus"].codes[taken.rows]
    right = [names[i]["genus"].code == genus[i] for i in range(100) if ranks[i] == "genus"]
    assert len(right) >= 50
    assert np.mean(right) >= 0.9
