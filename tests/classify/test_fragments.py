"""Fragments: shared k-mers, rows and names of contigs and reads, the summary of a file, and calibration."""

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
from genome_index.classify.fragments import calibration as fragment_calibration
from genome_index.classify.fragments import calls as fragment_calls
from genome_index.classify.fragments.calibration import calibrators_of, genus_halves
from genome_index.classify.fragments.calls import answer_fragments, query_fragments, with_unique_names
from genome_index.classify.fragments.cutting import LENGTHS, cut_fragments, length_class
from genome_index.classify.fragments.decision import called_rank, fragment_names
from genome_index.classify.fragments.hits import ReferenceTable, fragments_of, hits_of
from genome_index.classify.fragments.kmer_scan import LEAST_SHARED, most_shared
from genome_index.classify.fragments.reasons import NOT_MEASURED, UNCALIBRATED
from genome_index.classify.fragments.summary import FragmentSummary
from genome_index.classify.settings import QuerySettings
from genome_index.index.calibration.hits import HeldOut, nothing_held_out
from genome_index.index.index import Index
from genome_index.pipeline import build_index, query_index
from genome_index.records import Call, Contig, Failure, Genome
from genome_index.spec import IndexSpec

BASES = np.frombuffer(b"ACGT", np.uint8)


@pytest.fixture(scope="module")
def index(demo_index: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the demo index, which caches its calibrators for fragments."""
    return Path(shutil.copytree(demo_index, tmp_path_factory.mktemp("fragments") / "index"))


@pytest.fixture(scope="module")
def table(index: Path) -> ReferenceTable:
    return ReferenceTable.of(Index.open(index))


@pytest.fixture(autouse=True)
def few_fragments(monkeypatch: pytest.MonkeyPatch) -> None:
    """As many as sixty genomes can do with, and quickly."""
    monkeypatch.setattr(fragment_calibration, "FRAGMENTS", 60)


def sequence_of(demo: Path, number: int) -> str:
    with gzip.open(demo / "genomes" / f"DEMO_{number:04}.fa.gz", "rt") as lines:
        return "".join(line.strip() for line in lines if not line.startswith(">"))


def noise(length: int, seed: int = 0) -> str:
    return BASES[np.random.default_rng(seed).integers(0, 4, length)].tobytes().decode()


def query(gindex: Gindex, index: Path, *words: object) -> list[dict]:
    done = gindex("query", "--fragments", "--index", index, "--format", "jsonl", *words)
    assert done.exit_code in (0, 1), done.output
    return [json.loads(line) for line in done.stdout.splitlines()]


# -- k-mers --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("held_out", [False, True])
def test_the_scan_counts_what_sets_have_in_common(table: ReferenceTable, held_out: bool) -> None:
    cut = cut_fragments(table, table.rows, 3_000, 20, seed=3)
    fragments = fragments_of(table.index, cut.genomes)
    codes = table.index.model.levels["species"].codes
    held = nothing_held_out(len(cut.rows), len(codes))
    if held_out:
        held = HeldOut(cut.rows, codes, codes[cut.rows])
    references = table.index.references
    found = most_shared(references, table.rows, fragments.kmers, fragments.limits, 7, held, threads=2)
    sketches = {row: set(references.hashes(row).tolist()) for row in table.rows.tolist()}
    for i, row in enumerate(cut.rows.tolist()):
        own = set(fragments.kmers[i].tolist())
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
        assert (found.rows[:, 0] == cut.rows).mean() > 0.9


def test_the_scan_compares_sketches_of_two_densities_at_the_coarser(
    six_genomes: list[Path], demo: Path, tmp_path: Path
) -> None:
    spec = IndexSpec(small_bp=20_000, large_scaled=32)
    build_index(six_genomes, tmp_path / "index", demo / "taxonomy.tsv", spec=spec)
    coarse = ReferenceTable.of(Index.open(tmp_path / "index"))
    fragment = Genome("fragment", (Contig("fragment", sequence_of(demo, 1)[:9_000].encode()),), "-")
    hits = hits_of(coarse, fragments_of(coarse.index, [fragment]), nothing_held_out(1, 6))
    assert coarse.index.entry(int(hits.rows[0, 0])).id == "DEMO_0001"
    assert hits.kmer_identity[0, 0] == 1.0  # a quarter of the k-mers, were they not brought to one density


# -- rows ----------------------------------------------------------------------------------------------------


@pytest.mark.long
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
    assert all("sampled k-mers" in rows[at]["reason"] for at in (0, 2, 3))
    assert rows[0]["closest"]["ani_reason"] == NOT_MEASURED


def test_names_differ_whatever_files_and_records_are_called() -> None:
    same = [Failure("a", source, "") for source in ("x.fa", "y/x.fa", "x.fa")] + [Failure("x:a", "z", "")]
    assert [one.id for one in with_unique_names(same)] == ["a", "x:a", "x:a#2", "z:x:a"]


@pytest.mark.long
def test_answers_do_not_depend_on_the_batch(
    table: ReferenceTable, demo: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fragments = cut_fragments(table, table.rows, 1_000, 12, seed=1).genomes
    together = list(answer_fragments(table.index, fragments, QuerySettings()))
    monkeypatch.setattr(fragment_calls, "BATCH_FRAGMENTS", 5)
    apart = list(answer_fragments(table.index, iter(fragments), QuerySettings(threads=2)))
    assert [(one.query, one.name, one.reason) for one in apart] == [
        (one.query, one.name, one.reason) for one in together
    ]


def test_no_more_than_a_batch_is_read_ahead(table: ReferenceTable, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fragment_calls, "BATCH_FRAGMENTS", 4)
    cut: list[str] = []

    def stream() -> object:
        for number, fragment in enumerate(cut_fragments(table, table.rows, 1_000, 12, seed=1).genomes):
            cut.append(fragment.id)
            yield Genome(f"{number}", fragment.contigs, "-")

    calls = answer_fragments(table.index, stream(), QuerySettings())  # type: ignore[arg-type]
    assert next(calls).query == "0"
    assert len(cut) == 4


def test_noise_is_out_of_scope_at_every_length(index: Path, write_fasta: WriteFasta) -> None:
    path = write_fasta("noise.fa", {f"n{bp}": noise(bp, bp) for bp in LENGTHS})
    calls = list(query_fragments(index, [path]))
    assert [call.verdict for call in calls] == ["out_of_scope"] * len(LENGTHS)
    assert all(call.name is None and call.confidence is None for call in calls)


@pytest.mark.parametrize(
    "words", [("--genome-per", "record"), ("--report", "page.html"), ("--exclude-identical",)]
)
def test_options_of_whole_genomes_are_refused(
    gindex: Gindex, index: Path, demo: Path, words: tuple[str, ...]
) -> None:
    done = gindex("query", "--fragments", "--index", index, demo / "sample.fasta", *words)
    assert done.exit_code == 2
    assert f"{words[0]} is for whole genomes" in done.stderr


# -- summary of a file ----------------------------------------------------------------------------------


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


def test_shares_add_up_and_the_least_are_joined() -> None:
    summary = FragmentSummary()
    for number in range(25):
        summary.add(Call(f"{number}", "-", 100 + number, "species", "", "species", f"Genus s{number}"))
    summary.add(Call("short", "-", 40, "qc_fail", ""))
    summary.add(Call("far", "-", 5_000, "genus", "", "genus", "Genus"))
    shares = summary.shares()
    assert shares[0] == ("Genus (genus)", 5_000, 5_000 / summary.bases)
    assert shares[-1][0] == "7 others"
    assert sum(bases for _, bases, _ in shares) == summary.bases == 5_000 + 40 + sum(range(100, 125))


# -- calibration ---------------------------------------------------------------------------------------------


@pytest.mark.long
def test_calibrators_are_cached_and_fitted_anew_when_the_cache_is_damaged(index: Path) -> None:
    fitted = calibrators_of(Index.open(index))
    (cache,) = (index / "fragments").iterdir()
    before = cache.read_bytes()
    assert set(fitted) == set(LENGTHS)
    again = calibrators_of(Index.open(index))
    assert again[1_000]["genus"].to_json() == fitted[1_000]["genus"].to_json()
    cache.write_bytes(before[:-2] + b"9}")
    assert calibrators_of(Index.open(index))[500]["family"].samples == fitted[500]["family"].samples
    assert cache.read_bytes() == before


def test_calls_of_whole_genomes_are_as_they_were(demo_index: Path, index: Path, demo: Path) -> None:
    calibrators_of(Index.open(index))
    paths = [demo / "novel.fasta", demo / "genomes" / "DEMO_0001.fa.gz"]
    assert list(query_index(index, paths)) == list(query_index(demo_index, paths))


def test_a_query_that_may_be_a_fragment_gets_a_warning(
    demo_index: Path, demo: Path, write_fasta: WriteFasta
) -> None:
    whole = sequence_of(demo, 1)
    records = {
        "odd": noise(3_000),
        "wholly odd": noise(len(whole)),
        "fragment": whole[: len(whole) * 6 // 10],
    }
    path = write_fasta("some.fa", records)
    odd, large, called = query_index(demo_index, [path], per="record")
    assert any("query it with --fragments" in warning for warning in odd.warnings)
    assert odd.warnings[-1].startswith("3,000 bp, but its hits have ")
    assert not any("--fragments" in warning for warning in (*large.warnings, *called.warnings))
    assert called.verdict == "species"


def test_without_bases_the_call_warns_that_it_is_not_calibrated(
    six_genomes: list[Path], demo: Path, tmp_path: Path, write_fasta: WriteFasta
) -> None:
    build_index(six_genomes, tmp_path / "index", demo / "taxonomy.tsv", spec=IndexSpec(small_bp=20_000))
    path = write_fasta("fragment.fa", {"fragment": sequence_of(demo, 1)[:9_000], "noise": noise(9_000)})
    called, random = query_fragments(tmp_path / "index", [path])
    assert called.name == "Demobacter fictus"
    assert UNCALIBRATED in called.warnings
    assert random.verdict == "out_of_scope"


def test_cut_fragments_have_the_lengths_of_their_class(table: ReferenceTable) -> None:
    for length in LENGTHS:
        cut = cut_fragments(table, table.rows, length, 30, seed=2)
        assert len(cut.genomes) == 30
        assert {length_class(fragment.length_bp) for fragment in cut.genomes} == {length}
        for row, fragment in zip(cut.rows.tolist(), cut.genomes, strict=True):
            genome = table.index.references.genome(row)
            assert genome is not None
            assert any(fragment.contigs[0].sequence in contig.sequence for contig in genome.contigs)


# -- real genomes --------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def viruses(shared_genomes: Path, tmp_path_factory: pytest.TempPathFactory) -> ReferenceTable:
    """An index of the real dengue genomes, whose labels are serotypes."""
    path = tmp_path_factory.mktemp("dengue") / "index"
    build_index([shared_genomes / "dengue.fa.gz"], path, shared_genomes / "dengue.tsv", per="record")
    return ReferenceTable.of(Index.open(path))


@pytest.mark.long
@pytest.mark.parametrize(("length", "least"), [(500, 0.9), (3_000, 0.97)])
def test_a_fragment_of_a_real_genome_finds_its_serotype_without_that_genome(
    viruses: ReferenceTable, length: int, least: float
) -> None:
    model = viruses.index.model
    level = model.levels["subtype"]
    cut = cut_fragments(viruses, viruses.rows, length, 60, seed=5)
    nothing = np.full(len(viruses.length_bp), -1, np.int32)
    held = HeldOut(cut.rows, nothing, nothing[cut.rows])
    hits = hits_of(viruses, fragments_of(viruses.index, cut.genomes), held)
    assert not (hits.rows == cut.rows[:, None]).any()
    assert (level.codes[hits.rows[:, 0]] == level.codes[cut.rows]).mean() >= least


@pytest.mark.parametrize(("shared", "enough"), [(1.0, True), (0.9, True), (0.05, False)])
def test_a_species_requires_its_identity_whatever_the_confidence(
    table: ReferenceTable, shared: float, enough: bool
) -> None:
    """A certain name at 5 % of the k-mers, an identity of 87 %, is no species; at 90 % of them it is."""
    cut = cut_fragments(table, table.rows, 3_000, 1, seed=4)
    fragments = fragments_of(table.index, cut.genomes)
    model = table.index.model
    hits = hits_of(table, fragments, nothing_held_out(1, len(model.live)))
    hits = replace(hits, kmer_identity=np.minimum(hits.kmer_identity, np.float32(shared ** (1 / 21))))
    code = int(model.levels["species"].codes[cut.rows[0]])
    names = {rank: Name(code if rank == "species" else -1, 0.99, 0.5) for rank in model.levels}
    assert called_rank(table.index, fragments, hits, 0, names) == ("species" if enough else None)


def test_halves_share_no_genus(table: ReferenceTable) -> None:
    genus = table.index.model.levels["genus"].codes
    teach, test = genus_halves(table, seed=1)
    assert sorted([*teach, *test]) == table.rows.tolist()
    assert not set(genus[teach].tolist()) & set(genus[test].tolist())


def test_a_species_missing_from_the_index_is_not_called(table: ReferenceTable) -> None:
    """Of fragments whose species is left out hardly any gets a species; what is called instead is right."""
    model = table.index.model
    calibrators = calibrators_of(table.index)
    cut = cut_fragments(table, table.rows, 3_000, 100, seed=9)
    fragments = fragments_of(table.index, cut.genomes)
    codes = model.levels["species"].codes
    hits = hits_of(table, fragments, HeldOut(cut.rows, codes, codes[cut.rows]))
    names = fragment_names(model, calibrators, fragments, hits)
    ranks = [called_rank(table.index, fragments, hits, i, names[i]) for i in range(100)]
    assert ranks.count("species") <= 3
    genus = model.levels["genus"].codes[cut.rows]
    right = [names[i]["genus"].code == genus[i] for i in range(100) if ranks[i] == "genus"]
    assert len(right) >= 50
    assert np.mean(right) >= 0.9
