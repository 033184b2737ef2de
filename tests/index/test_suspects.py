"""Suspects: planted errors are found, findings are stored in each snapshot, and a query warns of them."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import duckdb
import numpy as np
import pytest
from helpers import simulated
from helpers.planted import Planted, built, contaminated, plant, read_all, some_genera, suspects
from hypothesis import given, settings
from hypothesis import strategies as st

from genome_index import ChangeSettings, Contig, Genome, Index, IndexSpec, query_index
from genome_index.index import build, changes, merge
from genome_index.index.audit import suspects as audit
from genome_index.index.audit.mislabels import at_rank
from genome_index.index.audit.mixtures import WINDOWS, patchy
from genome_index.index.audit.shared_kmers import SHARERS, kmer_sharers, shared_with
from genome_index.index.calibration.hits import NeighbourTable
from genome_index.index.index import undo
from genome_index.records import Lineage, Suspect, Taxon
from genome_index.taxonomy.levels import Level

NOTHING = {"label": set(), "mixture": set(), "contigs": set()}
KNOWN = simulated.collection(6, 2, 4)  # 48 genomes: two genera a family, two species a genus
OLD, SOURCE = KNOWN.ids[0], KNOWN.ids[40]
NEW = simulated.collection(1, 1, 1, seed=5, prefix="n").ids[0]


def with_part_of(known: simulated.Collection, one: str, other: str, share: float = 0.3) -> bytes:
    """A genome whose beginning is that of another."""
    cut = int(share * simulated.LENGTH_BP)
    return known.sequences[other][:cut] + known.sequences[one][cut:]


# -- planted errors are found -----------------------------------------------------------------------


def test_nothing_is_wrong_with_the_demo(demo_index: Path) -> None:
    assert suspects(Index.open(demo_index)) == NOTHING


@pytest.mark.parametrize("seed", [1, 3])
def test_wrong_labels_and_chimeras_in_the_demo(demo: Path, tmp_path: Path, seed: int) -> None:
    planted = plant(read_all(demo / "genomes", demo / "taxonomy.tsv"), 2, 2, seed)
    found = suspects(built(planted.genomes, tmp_path / "index"))
    assert found["label"] == planted.mislabelled
    assert found["mixture"] == set(planted.chimeras)


@pytest.fixture(scope="module")
def bacteria(shared_genomes: Path) -> list[Genome]:
    return read_all(shared_genomes / "bacteria", shared_genomes / "bacteria.tsv")


@pytest.mark.long
def test_wrong_labels_and_chimeras_in_bacteria(bacteria: list[Genome], tmp_path: Path) -> None:
    planted = plant(bacteria, 5, 3, 5)  # RESULTS.md has twelve seeds
    index = built(planted.genomes, tmp_path / "index")
    found = suspects(index)
    assert len(found["label"] & planted.mislabelled) >= 4
    assert len(found["label"] - planted.mislabelled) <= 1
    assert found["mixture"] == set(planted.chimeras)
    for one in of_kind(index, "mixture"):
        source = index.catalog.find([planted.chimeras[one.id]])[planted.chimeras[one.id]]
        assert one.looks_like == source.lineage.name("species")
        assert one.witness
        assert one.witness in one.evidence


@pytest.mark.long
def test_contigs_of_another_genus_in_bacteria(bacteria: list[Genome], tmp_path: Path) -> None:
    planted = contaminated(bacteria, 10, 2)  # RESULTS.md has eight seeds
    index = built(planted.genomes, tmp_path / "index")
    found = suspects(index)
    assert len(found["contigs"] & set(planted.contaminated)) >= 9
    assert found["contigs"] <= set(planted.contaminated)
    assert found["mixture"] | found["label"] <= set(planted.contaminated)
    for one in of_kind(index, "contigs"):
        source = index.catalog.find([planted.contaminated[one.id]])[planted.contaminated[one.id]]
        assert one.looks_like == source.lineage.name("species")
        assert one.share is not None
        assert 0.15 < one.share < 0.55


def of_kind(index: Index, kind: str) -> list[Suspect]:
    found = [one for one in index.catalog.suspects() or () if one.kind == kind]
    assert found
    return found


# -- pieces --------------------------------------------------------------------------------------------------


def test_of_two_that_disagree_the_worse_fit_is_wrong() -> None:
    """Genomes 0 to 19 in pairs of one name; 20 has the name of 0, but is near 2 and 3."""
    near = np.array([[at ^ 1, 20] for at in range(20)] + [[2, 3]], np.int32)
    scores = np.array([[3.5, 0.5] for _ in range(20)] + [[3.6, 3.5]], np.float32)
    scores[2], scores[3] = [3.5, 3.6], [3.5, 3.5]
    level = Level("genus", tuple("abcdefghij"), np.array([*np.repeat(np.arange(10), 2), 0], np.int32))
    found = list(at_rank(level, np.arange(21), NeighbourTable(near, scores)))
    assert [(one.row, one.label, one.looks_like, one.witness) for one in found] == [(20, "a", "b", 2)]


def test_a_name_of_one_genome_is_not_judged() -> None:
    level = Level("genus", ("a", "b"), np.array([0, 0, 0, 1], np.int32))
    near = NeighbourTable(np.array([[1], [0], [0], [0]], np.int32), np.array([[3.5], [3.5], [3.5], [3.4]]))
    assert list(at_rank(level, np.arange(4), near)) == []


@pytest.mark.long
@pytest.mark.parametrize(
    ("shares", "expected"),
    [
        ([1.0] * 5 + [0.0] * 15, True),
        ([0.5, *[1.0] * 5, 0.4, *[0.0] * 13], True),  # the ends of the stretch are half and half
        ([0.35] * 20, False),  # as many k-mers, but thinly spread
        ([1.0] + [0.0] * 19, False),  # one conserved gene
        ([1.0] * 5 + [0.3] * 15, False),  # a relative with conserved genes
        ([1.0] * 20, False),  # the same genome
    ],
)
def test_a_complete_stretch_is_patchy(shares: list[float], expected: bool) -> None:
    window = np.repeat(np.arange(WINDOWS), 20)
    hashes = np.arange(20 * WINDOWS)
    theirs = hashes[hashes % 20 < np.repeat(np.array(shares) * 20, 20)]
    assert patchy(hashes.astype(np.uint64), theirs.astype(np.uint64), hashes, window) is expected


@given(st.lists(st.integers(0, 60), max_size=40), st.lists(st.integers(0, 60), max_size=40))
@settings(deadline=None)
def test_shared_with_is_numpys_isin(own: list[int], others: list[int]) -> None:
    a, b = (np.unique(np.array(numbers, np.uint64)) for numbers in (own, others))
    assert shared_with(a, b).tolist() == np.isin(a, b).tolist()
    assert shared_with(a[:1], b).tolist() == np.isin(a[:1], b).tolist()  # few among many are searched


@pytest.mark.parametrize("subjects", [slice(None), slice(5, 9)], ids=["all", "some"])
def test_sharers_are_those_of_plain_sets(demo_index: Path, subjects: slice) -> None:
    contents = Index.open(demo_index).contents()
    genus = contents.codes("genus")
    hashes = [set(contents.references.hashes(row).tolist()) for row in contents.rows.tolist()]
    found = kmer_sharers(contents.references, contents.rows, contents.rows[subjects], genus, threads=2)
    for row, near, others, share in zip(found.rows, found.near, found.others, found.share, strict=True):
        common = {at: len(hashes[row] & hashes[at]) for at in range(len(hashes)) if at != row}
        best = sorted((count for count in common.values() if count), reverse=True)[:SHARERS]
        assert [common[at] for at in near.tolist() if at >= 0] == best
        foreign = [count for at, count in common.items() if count and genus[at] != genus[row]]
        expected = sorted(foreign, reverse=True)[:SHARERS]
        assert [common[at] for at in others.tolist() if at >= 0] == expected
        assert share[: len(expected)].tolist() == pytest.approx(
            [count / len(hashes[row]) for count in expected]
        )


# -- findings are stored in each snapshot---------------------------------------------------------------------


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """An index with one chimera."""
    sequences = {**KNOWN.sequences, OLD: with_part_of(KNOWN, OLD, SOURCE)}
    index = simulated.built(tmp_path / "index", simulated.Collection(sequences, KNOWN.names)).index
    assert suspects(index) == {**NOTHING, "mixture": {OLD}}
    return tmp_path / "index"


@pytest.fixture
def searched(monkeypatch: pytest.MonkeyPatch) -> list[set[int]]:
    """The rows of each search for mixtures."""
    searches: list[set[int]] = []
    find = audit.find_mixtures

    def watched(shared, subjects, *rest):
        searches.append(set(subjects.tolist()))
        return find(shared, subjects, *rest)

    monkeypatch.setattr(audit, "find_mixtures", watched)
    return searches


def evidence(path: Path, genome_id: str = OLD) -> list[str]:
    return [one.evidence for one in Index.open(path).catalog.suspects() or () if one.id == genome_id]


def add_chimera(path: Path, settings: ChangeSettings | None = None) -> None:
    both = simulated.Collection(
        {NEW: with_part_of(KNOWN, KNOWN.ids[8], KNOWN.ids[32])}, {NEW: KNOWN.names[KNOWN.ids[8]]}
    )
    assert build.add(path, both.genomes(), both.taxonomy, settings or ChangeSettings()).added == 1


def test_they_are_a_table(path: Path) -> None:
    index = Index.open(path)
    with duckdb.connect(str(index.catalog.path), read_only=True) as db:
        [row] = db.sql("SELECT row, id, kind, says, looks_like, witness FROM suspects").fetchall()
    assert row == (0, OLD, "mixture", "G00virus sp0", "G05virus sp0", SOURCE)
    assert [one.id for one in index.suspects[0]] == [OLD]
    assert evidence(path) == [
        f"About 31% of it is from {SOURCE}, G05virus sp0; the rest shares nothing with that genome."
    ]


def test_add_searches_the_new_genomes(path: Path, searched: list[set[int]]) -> None:
    add_chimera(path)
    assert searched == [{48}]
    assert suspects(Index.open(path))["mixture"] == {OLD, NEW}
    assert suspects(undo(path))["mixture"] == {OLD}


def test_remove_searches_nothing_and_keeps_the_findings(path: Path, searched: list[set[int]]) -> None:
    before = evidence(path)
    changes.remove(path, [SOURCE], ChangeSettings())
    assert evidence(path) == before
    changes.remove(path, [OLD], ChangeSettings())
    assert suspects(Index.open(path)) == NOTHING
    assert searched == []


def renamed(genome_id: str, **names: str) -> simulated.Taxonomy:
    return simulated.Collection({}, {genome_id: {**KNOWN.names[genome_id], **names}}).taxonomy


def test_relabel_rewrites_findings_with_the_present_names(path: Path, searched: list[set[int]]) -> None:
    changes.relabel(path, renamed(SOURCE, species="Fresh name"), ChangeSettings())
    assert searched == [{40}]
    assert evidence(path) == [
        f"About 31% of it is from {SOURCE}, Fresh name; the rest shares nothing with that genome."
    ]
    changes.relabel(path, renamed(SOURCE, genus="G00virus"), ChangeSettings())
    assert evidence(path) == []  # both are now of one genus


def test_labels_are_judged_at_every_change(path: Path) -> None:
    wrong = KNOWN.ids[20]
    changes.relabel(
        path, renamed(wrong, family="F0viridae", genus="G01virus", species="G01virus sp1"), ChangeSettings()
    )
    assert suspects(Index.open(path)) == {**NOTHING, "mixture": {OLD}, "label": {wrong}}
    changes.relabel(path, KNOWN.taxonomy, ChangeSettings())
    assert suspects(Index.open(path)) == {**NOTHING, "mixture": {OLD}}


@pytest.mark.long
def test_refit_searches_all_genomes(path: Path, searched: list[set[int]]) -> None:
    before = evidence(path)
    changes.remove(path, KNOWN.ids[1:3], ChangeSettings())
    changes.refit(path, ChangeSettings())
    assert searched == [set(range(46))]
    assert evidence(path) == before
    changes.remove(path, [SOURCE, *KNOWN.ids[41:48]], ChangeSettings())
    changes.refit(path, ChangeSettings())
    assert evidence(path) == []  # the source is gone


def test_an_index_without_suspects_opens_and_is_searched_completely_at_its_next_change(
    path: Path, monkeypatch: pytest.MonkeyPatch, searched: list[set[int]]
) -> None:
    from genome_index.index import commit

    write = commit.write_catalog

    def of_before(path: Path, *content) -> None:
        write(path, *content)
        with duckdb.connect(str(path)) as db:
            db.execute("DROP TABLE suspects")

    with monkeypatch.context() as patch:
        patch.setattr(commit, "write_catalog", of_before)
        changes.remove(path, KNOWN.ids[1:3], ChangeSettings())
    old = Index.open(path)
    assert old.catalog.suspects() is None
    assert old.suspects == {}
    assert all(call.warnings == () for call in query_index(old, simulated.relatives(KNOWN, 5)))
    changes.remove(path, KNOWN.ids[3:4], ChangeSettings())
    assert len(searched[-1]) == 45
    assert suspects(Index.open(path))["mixture"] == {OLD}


def test_a_kill_during_the_search_leaves_the_index_unchanged(path: Path) -> None:
    code = f"""
import os, signal, sys
from pathlib import Path
sys.path[:0] = {[str(Path(__file__).parent), str(Path(__file__).parents[1])]!r}
import test_suspects
from genome_index import ChangeSettings
from genome_index.records import quiet

class Killer(type(quiet)):
    def stage(self, name, done, total):
        if name == {audit.STAGE!r}:
            os.kill(os.getpid(), signal.SIGKILL)

test_suspects.add_chimera(Path(sys.argv[1]), ChangeSettings(progress=Killer()))
"""
    before = Index.open(path)
    done = subprocess.run([sys.executable, "-c", code, str(path)], capture_output=True)
    assert done.returncode == -signal.SIGKILL
    after = Index.open(path)
    assert after.snapshot == before.snapshot
    assert after.damage() == []
    assert suspects(after) == suspects(before)
    add_chimera(path)
    assert suspects(Index.open(path))["mixture"] == {OLD, NEW}


@pytest.mark.long
def test_a_build_needs_no_library_of_the_report(demo: Path, tmp_path: Path) -> None:
    code = f"""
import sys
for name in ("scipy", "sklearn", "igraph", "matplotlib"):
    sys.modules[name] = None
from genome_index import build_index
build_index([{str(demo / "genomes")!r}], {str(tmp_path / "index")!r}, {str(demo / "taxonomy.tsv")!r})
"""
    subprocess.run([sys.executable, "-c", code], check=True)
    assert Index.open(tmp_path / "index").catalog.suspects() == []


# -- contigs of large genomes, whose bases are gone once they are added --------------------------------------


def assembly(genome_id: str, contigs: list[bytes], genus: str) -> Genome:
    names = {"family": "Aviridae", "genus": genus, "species": f"{genus} alba"}
    parts = tuple(Contig(f"{genome_id}_{at}", contig) for at, contig in enumerate(contigs))
    return Genome(genome_id, parts, "made up", Taxon(Lineage(names)))


@pytest.fixture
def draft(tmp_path: Path) -> Path:
    """Three assemblies of each of two genera, one of them with contigs of the other genus."""
    founders = {
        genus: [simulated.random_dna(seed + at, 10_000) for at in range(4)]
        for genus, seed in (("A", 1), ("B", 9))
    }
    genomes = [
        assembly(
            f"{genus}{number}",
            [simulated.mutated(one, 0.02, at * 100 + number) for at, one in enumerate(parts)],
            genus,
        )
        for genus, parts in founders.items()
        for number in range(3)
    ]
    foreign = [simulated.mutated(one, 0.02, 77) for one in founders["B"][:2]]
    contigs = (*genomes[0].contigs, *(Contig(f"foreign_{at}", one) for at, one in enumerate(foreign)))
    genomes[0] = replace(genomes[0], contigs=contigs)
    spec = IndexSpec(small_bp=1_000, large_scaled=8)
    build.build(tmp_path / "draft", genomes, spec, None, ChangeSettings())
    return tmp_path / "draft"


def test_foreign_contigs_stay_known_after_the_bases_are_gone(draft: Path, tmp_path: Path) -> None:
    index = Index.open(draft)
    assert index.references.genome(0) is None
    assert suspects(index) == {**NOTHING, "contigs": {"A0"}}
    [one] = index.suspects[0]
    assert one.looks_like == "B alba"
    assert one.share == pytest.approx(1 / 3, abs=1e-4)
    assert (
        one.evidence == f"33% of it is in contigs of another genus, most of them from {one.witness}, B alba."
    )
    changes.refit(draft, ChangeSettings())
    assert Index.open(draft).suspects == {0: (one,)}
    merge.merge(tmp_path / "other", [draft], ChangeSettings())
    assert Index.open(tmp_path / "other").suspects == {0: (one,)}
    changes.relabel(
        draft,
        simulated.Collection({}, {"A0": {"genus": "A", "species": "A nigra"}}).taxonomy,
        ChangeSettings(),
    )
    [again] = Index.open(draft).suspects[0]
    assert (again.says, again.share) == ("A nigra", one.share)


# -- a query warns if its call rests on one ------------------------------------------------------------------


@pytest.fixture(scope="module")
def mitogenomes(shared_genomes: Path) -> list[Genome]:
    everything = read_all(shared_genomes / "mito.fa.gz", shared_genomes / "mito.tsv", "record")
    return some_genera(everything, 25, 5)


@pytest.fixture(scope="module")
def planted(mitogenomes: list[Genome]) -> Planted:
    return plant(mitogenomes, 8, 4, 1)


def reference_warnings(index: Index, genomes: list[Genome]) -> Iterator[tuple[str, list[str]]]:
    """Each query's warnings about its closest reference; the queries are near relatives of the genomes."""
    queries = [
        replace(one, contigs=(Contig(one.id, simulated.mutated(one.contigs[0].sequence.upper(), 0.005, at)),))
        for at, one in enumerate(genomes)
    ]
    for call in query_index(index, queries):
        yield call.query, [one for one in call.warnings if " is itself suspect: " in one]


@pytest.mark.long
def test_a_call_that_rests_on_a_suspect_warns(
    mitogenomes: list[Genome], planted: Planted, tmp_path: Path
) -> None:
    wrong = {*planted.mislabelled, *planted.chimeras}
    relatives = [one for one in mitogenomes if one.id in wrong]
    assert all(
        not found for _, found in reference_warnings(built(mitogenomes, tmp_path / "before"), relatives)
    )
    index = built(planted.genomes, tmp_path / "after")
    named = {one.id for one in index.catalog.suspects() or () if one.kind in ("label", "mixture")}
    assert len(named & wrong) >= 6  # of 12; bench/audit.py measures it on a whole collection
    warned = {query for query, found in reference_warnings(index, relatives) if found}
    assert len(warned & named) >= 0.8 * len(named & wrong)  # a correctly labelled genome may be as near
    honest = [one for one in mitogenomes if one.id not in named | wrong][::2]
    assert sum(bool(found) for _, found in reference_warnings(index, honest)) <= 0.05 * len(honest)


def test_the_warning_names_the_suspect_in_one_sentence(path: Path) -> None:
    [(_, found)] = reference_warnings(
        Index.open(path), [simulated.genome("like", with_part_of(KNOWN, OLD, SOURCE))]
    )
    assert found == [
        f"the closest reference {OLD} is itself suspect: about 31% of it is from {SOURCE}, G05virus sp0; "
        "the rest shares nothing with that genome (see `gindex report`)"
    ]


def test_only_calls_warn(path: Path) -> None:
    index = Index.open(path)
    index.suspects.update({row: index.suspects[0] for row in range(48)})
    foreign = simulated.genome("stranger", simulated.random_dna(99))
    short = simulated.genome("short", b"ACGT" * 10)
    calls = list(
        query_index(index, [foreign, short, simulated.genome("near", KNOWN.sequences[KNOWN.ids[5]])])
    )
    assert [call.verdict for call in calls] == ["out_of_scope", "qc_fail", "species"]
    assert [sum("itself suspect" in one for one in call.warnings) for call in calls] == [0, 0, 1]
