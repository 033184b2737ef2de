"""Interleaved names: found, stored, said, and called ambiguous; names of two species are not."""

from __future__ import annotations

import random
from dataclasses import replace
from pathlib import Path

import duckdb
import pytest
from helpers import simulated

from genome_index import ChangeSettings, Genome, Index, IndexSpec, QuerySettings, query_index
from genome_index.classify.fragments.calls import answer_fragments
from genome_index.evaluate.answers import Plan
from genome_index.evaluate.cross_validation import evaluate
from genome_index.index import build, changes
from genome_index.index.audit.interleaved_names import find_interleaved_names
from genome_index.index.index import undo
from genome_index.records import InterleavedNames, Lineage, Taxon
from genome_index.report.sql import ask
from genome_index.taxonomy.levels import Level

LENGTH_BP = 20_000
OLD, NEW = "Foo bar", "Foo baz"


def members(founder: bytes, name: str, count: int, share: float, seed: int) -> list[Genome]:
    """Genomes of one species, independently of each other apart from their founder."""
    taxon = Taxon(Lineage({"superkingdom": "Viruses", "genus": name.split()[0], "species": name}))
    return [
        replace(simulated.genome(f"{name.replace(' ', '_')}_{at}", one), taxon=taxon)
        for at, one in enumerate(simulated.mutated(founder, share, seed + at) for at in range(count))
    ]


def made(path: Path, *groups: list[Genome]) -> Index:
    genomes = [genome for group in groups for genome in group]
    return build.build(path, genomes, IndexSpec(), None, ChangeSettings()).index


def founder(seed: int) -> bytes:
    return simulated.random_dna(seed, LENGTH_BP)


def names(index: Index) -> list[tuple[str, str, str, int, int]]:
    return [(one.rank, one.name, one.other, one.genomes, one.others) for one in index.interleaved]


def other_species() -> list[list[Genome]]:
    return [members(founder(50 + at), f"Quux s{at}", 5, 0.0025, 900 * at) for at in range(3)]


@pytest.fixture(scope="module")
def halves(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Five genomes of one species under each of two names, beside three other species."""
    path = tmp_path_factory.mktemp("halves") / "index"
    both = [members(founder(1), name, 5, 0.0025, 100 * at) for at, name in enumerate((OLD, NEW))]
    made(path, *both, *other_species())
    return path


def test_two_halves_of_a_species_are_found(halves: Path) -> None:
    index = Index.open(halves)
    assert names(index) == [("species", OLD, NEW, 5, 5)]
    [pair] = index.interleaved
    assert pair.ani == pytest.approx(99.5, abs=0.1)
    assert pair.sentence == (
        "Foo bar and Foo baz are interleaved: 5 and 5 genomes, ANI 99.5 % between them: "
        "two names of one species?"
    )


def test_a_query_of_either_name_is_ambiguous_however_far_its_lead(halves: Path) -> None:
    """A genome of the index has 100 % with its own name, half a point and more over the other one."""
    queries = [simulated.genome(f"q{seed}", simulated.mutated(founder(1), 0.0025, seed)) for seed in (0, 101)]
    own, other = query_index(Index.open(halves), queries)
    for call in (own, other):
        assert (call.verdict, call.name, call.members) == ("ambiguous", None, (OLD, NEW))
        assert (
            f"in the index, {Index.open(halves).interleaved[0].sentence} (see `gindex report`)"
            in call.warnings
        )
    assert own.reason == (
        "Cannot distinguish Foo bar and Foo baz: ANI 100.0 % to Foo bar (aligned: 100 % of the query, 100 % "
        "of the reference), and the genomes of these names are interleaved in the index."
    )
    [clean] = query_index(
        Index.open(halves), [simulated.genome("q", simulated.mutated(founder(50), 0.0025, 7_777))]
    )
    assert (clean.verdict, clean.name) == ("species", "Quux s0")
    assert not any("interleaved" in warning for warning in clean.warnings)


def with_pair(path: Path) -> Index:
    """An index in which two species that are far apart are told to be interleaved."""
    index = Index.open(path)
    vars(index)["interleaved"] = (InterleavedNames("species", "Quux s0", "Quux s1", 5, 5, 99.5),)
    return index


@pytest.mark.parametrize("folds", [0, 2])
def test_an_evaluation_calls_what_a_query_calls(halves: Path, folds: int) -> None:
    plain = evaluate(Index.open(halves), Plan(folds=folds))
    found = evaluate(with_pair(halves), Plan(folds=folds))
    for genome_id, before, verdict in zip(found.ids, plain.verdicts, found.verdicts, strict=True):
        if "s0" in genome_id or "s1" in genome_id:
            assert (before.verdict, before.members) == ("species", ())
            assert (verdict.verdict, verdict.members) == ("ambiguous", ("Quux s0", "Quux s1"))
            assert verdict.reason.endswith("and the genomes of these names are interleaved in the index.")
        else:
            assert verdict == before


@pytest.mark.long
def test_a_fragment_of_either_name_is_ambiguous(halves: Path) -> None:
    piece = simulated.genome("contig", simulated.mutated(founder(50), 0.0025, 0)[5_000:9_000])
    [before] = answer_fragments(Index.open(halves), [piece], QuerySettings())
    assert (before.verdict, before.name, before.members) == ("species", "Quux s0", ())
    assert not any("interleaved" in warning for warning in before.warnings)
    index = with_pair(halves)
    [call] = answer_fragments(index, [piece], QuerySettings())
    assert (call.verdict, call.rank, call.name, call.confidence) == ("ambiguous", None, None, None)
    assert (call.members, call.next_rank) == (("Quux s0", "Quux s1"), "species")
    assert call.lineage == Lineage()
    assert call.reason.startswith("Cannot distinguish Quux s0 and Quux s1: of ")
    assert call.reason.endswith(
        " (identity 100.0%), and the genomes of these names are interleaved in the index."
    )
    assert f"in the index, {index.interleaved[0].sentence} (see `gindex report`)" in call.warnings


def test_the_pairs_are_a_table(halves: Path) -> None:
    found = ask(Index.open(halves), "SELECT rank, name, other, genomes, others FROM interleaved_names")
    assert [tuple(row) for row in found.rows] == [("species", OLD, NEW, 5, 5)]


def test_two_species_of_a_genus_are_not_interleaved(tmp_path: Path) -> None:
    apart = simulated.mutated(founder(1), 0.01, 5)  # ANI 99 between the founders
    both = members(founder(1), OLD, 5, 0.001, 10), members(apart, NEW, 5, 0.001, 20)
    assert names(made(tmp_path / "index", *both, *other_species())) == []


def test_one_wrong_label_is_no_synonym(tmp_path: Path) -> None:
    apart = simulated.mutated(founder(1), 0.04, 5)
    first, second = members(founder(1), OLD, 4, 0.001, 10), members(apart, NEW, 5, 0.001, 20)
    wrong = replace(first[0], taxon=second[0].taxon)
    assert names(made(tmp_path / "index", [wrong, *first[1:]], second, *other_species())) == []


def test_identical_genomes_of_two_names_may_have_a_wrong_label(tmp_path: Path) -> None:
    [one], [other] = members(founder(1), OLD, 1, 0.0, 1), members(founder(1), NEW, 1, 0.0, 1)
    index = made(tmp_path / "index", [one], [other], *other_species())
    assert [pair.sentence for pair in index.interleaved] == [
        "Foo bar and Foo baz are interleaved: 1 and 1 genome, ANI 100.0 % between them: "
        "two names of one species, or a wrong label?"
    ]
    near = members(simulated.mutated(founder(1), 0.003, 3), NEW, 1, 0.0, 1)
    assert names(made(tmp_path / "near", [one], near, *other_species())) == []  # as near as young species are


def test_genera_are_compared_too(tmp_path: Path) -> None:
    both = members(founder(1), "Foo bar", 5, 0.0025, 0), members(founder(1), "Goo bar", 5, 0.0025, 100)
    assert names(made(tmp_path / "index", *both, *other_species())) == [
        ("genus", "Foo", "Goo", 5, 5), ("species", "Foo bar", "Goo bar", 5, 5),
    ]  # fmt: skip


def test_a_new_name_of_half_a_species_is_found_at_relabel_and_undone(tmp_path: Path) -> None:
    index = made(tmp_path / "index", members(founder(1), OLD, 8, 0.0025, 0), *other_species())
    assert names(index) == []
    half = {f"Foo_bar_{at}": {"species": NEW} for at in (1, 2, 5, 7)}
    changes.relabel(index.path, simulated.Collection({}, half).taxonomy, ChangeSettings())
    assert names(Index.open(index.path)) == [("species", OLD, NEW, 4, 4)]
    assert names(undo(index.path)) == []


def test_an_index_from_before_opens_and_calls(
    tmp_path: Path, halves: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from genome_index.index import commit

    write = commit.write_catalog

    def of_before(path: Path, *content: object) -> None:
        write(path, *content)  # type: ignore[arg-type]
        with duckdb.connect(str(path)) as db:
            db.execute("DROP TABLE interleaved_names")

    monkeypatch.setattr(commit, "write_catalog", of_before)
    both = [members(founder(1), name, 5, 0.0025, 100 * at) for at, name in enumerate((OLD, NEW))]
    index = made(tmp_path / "index", *both, *other_species())
    assert index.catalog.interleaved_names() is None
    assert index.interleaved == ()
    assert list(ask(index, "SELECT * FROM interleaved_names").rows) == []
    assert [pair.name for pair in find_interleaved_names(index.contents())] == [OLD]
    [call] = query_index(index, [simulated.genome("q", simulated.mutated(founder(1), 0.0025, 0))])
    assert not any("interleaved" in warning for warning in call.warnings)


@pytest.mark.parametrize(
    ("own", "other", "partners"),
    [(5, 5, ("b", "a")), (1, 1, ("b", "a")), (1, 5, ("b", None)), (5, 1, (None, "a")), (2, 5, ("b", "a"))],
)
def test_one_genome_makes_a_name_of_several_no_less_sure(
    own: int, other: int, partners: tuple[str | None, str | None]
) -> None:
    pair = InterleavedNames("species", "a", "b", own, other, 99.9)
    assert (pair.partner_of("a"), pair.partner_of("b")) == partners
    assert pair.partner_of("c") is None


@pytest.mark.long
def test_half_of_a_real_species_under_a_new_name(shared_genomes: Path, tmp_path: Path) -> None:
    """Hepatitis B virus, of which a random half gets a new name; before, no two names are interleaved."""
    from helpers.planted import built, read_all

    virus = read_all(shared_genomes / "virus.fa.gz", shared_genomes / "virus.tsv", "record")
    is_hbv = [one.taxon.lineage.name("species") == "Hepatitis B virus" for one in virus]
    kept = [one for one, hbv in zip(virus, is_hbv, strict=True) if hbv][:40]
    kept += [one for one, hbv in zip(virus, is_hbv, strict=True) if not hbv][::12]
    contents = built(kept, tmp_path / "index").contents()
    assert find_interleaved_names(contents) == []
    species = contents.model.levels["species"]
    rows = species.members()[species.names.index("Hepatitis B virus")]
    codes = species.codes.copy()
    codes[random.Random(1).sample(rows.tolist(), len(rows) // 2)] = len(species.names)
    renamed = Level("species", (*species.names, "Renamed virus"), codes)
    levels = {**contents.model.levels, "species": renamed}
    found = find_interleaved_names(replace(contents, model=replace(contents.model, levels=levels)))
    assert [(one.name, one.other) for one in found] == [("Hepatitis B virus", "Renamed virus")]
