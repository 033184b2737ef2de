"""Changes of an index: add, remove, relabel, merge, undo, refit; threads, processes and small indexes."""

import json
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path

import faiss
import numpy as np
import pytest
from helpers import simulated
from helpers.simulated import (
    answers,
    assert_pairs_are_sound,
    built,
    genome,
    mutated,
    relatives,
    shown_ids,
    species_of,
)

from genome_index import ChangeSettings, Index, IndexSpec, QuerySettings, query_index
from genome_index.classify.search import embed
from genome_index.encoders.pooling import unit
from genome_index.errors import IndexLocked, IndexNotFound, SpecMismatch, UsageError
from genome_index.index import build, changes, merge
from genome_index.index.commit import ChangeSummary
from genome_index.index.index import undo, writing
from genome_index.index.snapshots import KEEP_SNAPSHOTS
from genome_index.index.vectors import kinds
from genome_index.records import Lineage, Taxon
from genome_index.taxonomy.lookup import Taxonomy
from genome_index.taxonomy.tables import read_taxonomy

SETTINGS = ChangeSettings()
KNOWN = simulated.collection(4, 3, 6)  # 72 genomes, 12 species, 4 genera, 2 families
MORE = simulated.collection(4, 1, 3, seed=7, prefix="n")  # 12 genomes of 4 species, of families of their own
QUERIES = relatives(KNOWN, 5)
LARGE = {"small_bp": 1_000, "large_scaled": 8}  # what is kept of large genomes, of genomes of 2,500 bp


@pytest.fixture(scope="module")
def original(tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("life") / "index"
    assert built(path, KNOWN).added == len(KNOWN) == 72
    return path


@pytest.fixture
def path(original: Path, tmp_path: Path) -> Path:
    """A copy of the index for one test."""
    return Path(shutil.copytree(original, tmp_path / "index"))


def add(path: Path, known: simulated.Collection, settings: ChangeSettings = SETTINGS) -> ChangeSummary:
    return build.add(path, known.genomes(), known.taxonomy, settings)


def species(genome_id: str) -> str:
    return (KNOWN.names | MORE.names)[genome_id]["species"]


# -- query, as a base for the rest ---------------------------------------------------------------------------


def test_relatives_are_called_and_an_unrelated_genome_is_not(path: Path):
    calls = species_of(path, QUERIES)
    expected = [("species", species(one)) for one in KNOWN.ids[::5]]
    assert sum(call == right for call, right in zip(calls, expected, strict=False)) >= len(expected) - 1
    assert calls[-1][0] not in ("species", "genus")


# -- add -----------------------------------------------------------------------------------------------------


def test_added_genomes_are_found_and_so_are_the_old_ones(path: Path):
    before = species_of(path, QUERIES)
    summary = add(path, MORE)
    assert (summary.added, summary.unchanged, summary.failures) == (12, 0, ())
    assert [entry.id for entry in summary.index.catalog.entries()] == [*KNOWN.ids, *MORE.ids]
    newcomers = relatives(MORE, 3)[:-1]
    hits = [call.hits[0].species for call in query_index(path, newcomers)]
    assert hits == [species(one) for one in MORE.ids[::3]]
    assert species_of(path, QUERIES)[:-1] == before[:-1]
    assert summary.index.damage() == []
    assert_pairs_are_sound(summary.index)


def test_vectors_of_added_genomes_are_those_of_their_features(path: Path):
    index = add(path, MORE).index
    rows = np.arange(len(KNOWN), len(KNOWN) + len(MORE))
    expected = index.model.projection.apply(index.references.features(rows))
    np.testing.assert_allclose(index.model.vectors.rows()[rows], expected, atol=1e-5)


def test_identical_genomes_are_skipped(path: Path):
    before = Index.open(path).snapshot.number
    summary = add(path, KNOWN)
    assert (summary.added, summary.unchanged, summary.failures) == (0, 72, ())
    lower = [genome(one, dna.lower()) for one, dna in KNOWN.sequences.items()]
    assert build.add(path, lower, None, SETTINGS).unchanged == 72
    assert Index.open(path).snapshot.number == before


def test_another_sequence_with_an_id_of_the_index_is_a_failure(path: Path):
    taken = KNOWN.ids[3]
    offered = [genome(taken, MORE.sequences[MORE.ids[0]]), *MORE.genomes()]
    summary = build.add(path, offered, MORE.taxonomy, SETTINGS)
    assert summary.added == 12
    [failure] = summary.failures
    assert failure.id == taken
    assert re.search(
        rf"'{taken}' is in the index with another sequence.*gindex remove {taken}", failure.reason
    )
    assert Index.open(path).catalog.failures() == [(failure.id, failure.source, failure.reason)]
    kept = Index.open(path).catalog.find([taken])[taken]
    assert kept.sha256 == Index.open(path).catalog.entries()[3].sha256
    assert kept.row == 3


def test_the_second_of_two_inputs_with_one_id_is_a_failure(path: Path):
    twice = [*MORE.genomes()[:1], genome(MORE.ids[0], MORE.sequences[MORE.ids[1]])]
    summary = build.add(path, twice, MORE.taxonomy, SETTINGS)
    assert summary.added == 1
    assert "already given" in summary.failures[0].reason


def test_removed_genomes_can_be_added_again(path: Path):
    gone = KNOWN.ids[:6]
    before = species_of(path, QUERIES)
    changes.remove(path, gone, SETTINGS)
    assert add(path, KNOWN.only(gone)).added == 6
    index = Index.open(path)
    assert sorted(entry.id for entry in index.catalog.entries()) == sorted(KNOWN.ids)
    assert species_of(index, QUERIES) == before
    assert index.damage() == []


def test_labels_of_genomes_in_the_index_are_not_unused(path: Path):
    assert add(path, KNOWN).warnings == ()


def test_add_to_an_index_of_large_genomes(tmp_path: Path):
    built(tmp_path / "index", KNOWN, **LARGE)
    near = simulated.Collection({"near": mutated(KNOWN.sequences[KNOWN.ids[0]], 0.01, 3)}, {"near": {}})
    assert add(tmp_path / "index", near).added == 1


# -- remove --------------------------------------------------------------------------------------------------


def test_a_removed_genome_is_not_found_but_its_species_is(path: Path):
    gone = KNOWN.ids[::6]  # one of each species
    queries = [genome(f"again_{one}", KNOWN.sequences[one]) for one in gone]
    assert set(gone) <= shown_ids(path, queries)
    assert changes.remove(path, gone, SETTINGS).removed == 12
    assert not set(gone) & shown_ids(path, queries)
    assert species_of(path, queries) == [("species", species(one)) for one in gone]
    index = Index.open(path)
    assert not set(gone) & {entry.id for entry in index.catalog.entries()}
    assert (index.snapshot.genomes, int(index.model.live.sum())) == (60, 60)
    assert_pairs_are_sound(index)


def test_a_completely_removed_species_is_not_called(path: Path):
    gone = KNOWN.ids[:6]
    queries = [genome("again", KNOWN.sequences[one]) for one in gone[:2]]
    assert {name for _, name in species_of(path, queries)} == {species(gone[0])}
    index = changes.remove(path, gone, SETTINGS).index
    assert species(gone[0]) not in {name for _, name in species_of(index, queries)}
    assert species(gone[0]) not in index.model.levels["species"].names
    assert not set(gone) & shown_ids(index, queries)


def test_an_unknown_id_removes_nothing(path: Path):
    before = Index.open(path).snapshot.number
    with pytest.raises(UsageError, match=r"no genome has the id 'nobody'.*gindex list.*Nothing was removed"):
        changes.remove(path, [KNOWN.ids[0], "nobody"], SETTINGS)
    with pytest.raises(UsageError, match="remove every genome"):
        changes.remove(path, KNOWN.ids, SETTINGS)
    assert Index.open(path).snapshot.number == before


# -- undo ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["add", "remove", "relabel", "refit", "merge", "build"])
def test_undo_restores_exactly_the_state_before(path: Path, tmp_path: Path, kind: str):
    changes.remove(path, KNOWN.ids[1:3], SETTINGS)
    before = Index.open(path)
    said, entries = answers(before, QUERIES), before.catalog.entries()
    match kind:
        case "add":
            add(path, MORE)
        case "remove":
            changes.remove(path, KNOWN.ids[6:18], SETTINGS)
        case "relabel":
            changes.relabel(path, renamed(KNOWN, KNOWN.ids[:6], "Fresh name"), SETTINGS)
        case "refit":
            changes.refit(path, SETTINGS)
        case "merge":
            built(tmp_path / "other", MORE)
            merge.merge(path, [tmp_path / "other"], SETTINGS)
        case "build":
            built(path, MORE)
    changed = Index.open(path)
    assert (answers(changed, QUERIES), changed.catalog.entries()) != (said, entries)
    again = undo(path)
    assert again.snapshot == before.snapshot
    assert again.catalog.entries() == entries
    assert answers(again, QUERIES) == said
    assert again.damage() == []


def test_undo_at_the_oldest_snapshot_is_an_error(path: Path):
    with pytest.raises(UsageError, match=r"nothing to undo: snapshot 1 \(build\) is the oldest"):
        undo(path)
    for one in KNOWN.ids[: KEEP_SNAPSHOTS + 2]:
        changes.remove(path, [one], SETTINGS)
    for _ in range(KEEP_SNAPSHOTS - 1):
        undo(path)
    oldest = Index.open(path)
    assert oldest.snapshot.genomes == 72 - 3
    with pytest.raises(UsageError, match=rf"nothing to undo: snapshot {oldest.snapshot.number} \(remove"):
        undo(path)
    assert Index.open(path).snapshot == oldest.snapshot
    assert oldest.damage() == []


def test_undo_goes_to_the_snapshot_that_was_changed(path: Path):
    """Not to the previous number, which may be of an undone snapshot."""
    before = answers(path, QUERIES)
    changes.remove(path, KNOWN.ids[:6], SETTINGS)
    undo(path)
    changes.remove(path, KNOWN.ids[6:12], SETTINGS)
    number = Index.open(path).snapshot.number
    assert undo(path).snapshot.number == 1 < number - 1
    assert answers(path, QUERIES) == before


def test_a_reader_keeps_the_snapshot_it_opened_after_undo(path: Path):
    changes.remove(path, KNOWN.ids[:1], SETTINGS)
    reader = Index.open(path)
    undo(path)
    changes.remove(path, KNOWN.ids[1:2], SETTINGS)
    assert KNOWN.ids[0] not in shown_ids(reader, QUERIES)


def test_the_next_change_removes_undone_snapshots_without_readers(path: Path):
    """A reader in another process counts too, and the segments of its snapshot stay."""
    add(path, MORE)
    with reading(path) as ask:
        undo(path)
        changes.remove(path, KNOWN.ids[:1], SETTINGS)
        assert simulated.snapshots_on_disk(path) == [1, 2, 3]
        assert ask() == f"{[species(one) for one in MORE.ids]}\n"
    assert len(simulated.folders(path / "segments")) == 2
    changes.remove(path, KNOWN.ids[1:2], SETTINGS)
    assert simulated.snapshots_on_disk(path) == [1, 3, 4]
    assert simulated.folders(path / "segments") == simulated.referenced_segments(path)
    assert len(simulated.folders(path / "segments")) == 1


READER = f"""
import sys
sys.path.insert(0, {str(Path(simulated.__file__).parent)!r})
from genome_index import Index
from genome_index.index.store.catalog import Catalog
index = Index.open(sys.argv[1])
print("open", flush=True)
sys.stdin.readline()
rows = range(len({KNOWN.ids}), len({KNOWN.ids}) + len({MORE.ids}))
assert all(index.references.genome(row) for row in rows)
print([index.entry(row).lineage.name("species") for row in rows], flush=True)
"""


@contextmanager
def reading(path: Path) -> Iterator:
    """Another process that opens the index now and reads in it on command."""
    words = [sys.executable, "-c", READER, str(path)]
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout.readline() == "open\n"
            yield lambda: process.communicate("read\n", timeout=60)[0]
        finally:
            process.kill()


def test_segments_stay_while_a_damaged_snapshot_may_need_them(path: Path):
    catalog = path / "snapshots" / "000001" / "catalog.duckdb"
    content = catalog.read_bytes()
    changes.remove(path, KNOWN.ids[:1], SETTINGS)
    for left, segments in ((content[: len(content) // 2], 2), (content, 1)):
        add(path, MORE)
        undo(path)
        catalog.write_bytes(left)
        changes.remove(path, KNOWN.ids[1:2], SETTINGS)
        assert len(simulated.folders(path / "segments")) == segments
        undo(path)


def test_undo_skips_a_snapshot_that_cannot_be_read(path: Path):
    for one in KNOWN.ids[:2]:
        changes.remove(path, [one], SETTINGS)
    (path / "snapshots" / "000002" / "manifest.json").write_text("{}")
    assert undo(path).snapshot.number == 1


def test_a_pointer_written_by_hand_is_enough(path: Path):
    for one in KNOWN.ids[:2]:
        changes.remove(path, [one], SETTINGS)
    assert (path / "CURRENT").read_text() == "000003 000002 000001\n"
    (path / "CURRENT").write_text("2")
    assert Index.open(path).snapshot.genomes == 71
    with pytest.raises(UsageError, match=r"nothing to undo: snapshot 2 \(remove"):
        undo(path)


# -- relabel -------------------------------------------------------------------------------------------------


def renamed(known: simulated.Collection, ids: list[str], name: str) -> simulated.Taxonomy:
    new = {one: {**known.names[one], "species": name} for one in ids}
    return simulated.Collection(known.sequences, new).taxonomy


def test_relabel_changes_calls_and_undo_restores_them(path: Path):
    before = species_of(path, QUERIES)
    chosen = [one for one in KNOWN.ids if species(one) == species(KNOWN.ids[0])]
    summary = changes.relabel(path, renamed(KNOWN, chosen, "G00virus fresh"), SETTINGS)
    assert summary.relabelled == len(chosen) == 6
    expected = [
        ("species", "G00virus fresh") if call == ("species", species(chosen[0])) else call for call in before
    ]
    assert expected != before
    assert species_of(path, QUERIES) == expected
    undo(path)
    assert species_of(path, QUERIES) == before


def test_relabel_to_the_same_names_changes_nothing(path: Path):
    number = Index.open(path).snapshot.number
    summary = changes.relabel(path, KNOWN.taxonomy, SETTINGS)
    assert (summary.relabelled, summary.index.snapshot.number) == (0, number)


def test_relabel_warns_of_labels_without_a_genome(path: Path):
    labels = simulated.Collection(
        {}, {KNOWN.ids[0]: {"species": "G00virus fresh"}, "nobody": {"species": "X y"}}
    )
    summary = changes.relabel(path, labels.taxonomy, SETTINGS)
    assert summary.relabelled == 1
    assert summary.warnings == ("1 label of made up names no genome of the index",)


PART = {
    "a column": ("genome_id\tspecies\n{}\tFresh name\n", {"species": "Fresh name"}, {}),
    "an empty cell": (
        "genome_id\tgenus\tspecies\n{}\t\tFresh name\n",
        {"genus": None, "species": "Fresh name"},
        {},
    ),
    "a placeholder": ("genome_id\tspecies\n{}\t#N/A\n", {"species": None}, {}),
    "a label": ("genome_id\thost\n{}\tfrog\n", {}, {"host": "frog"}),
    "a label to remove": ("genome_id\tsubtype\n{}\t\n", {}, {"subtype": None}),
    "a label to change": ("genome_id\tsubtype\n{}\tB\n", {}, {"subtype": "B"}),
    "only ids": ("genome_id\n{}\n", {}, {}),
    "another id": ("genome_id\tspecies\nref|{}|\tFresh name\n", {"species": "Fresh name"}, {}),
}


@pytest.mark.parametrize(("text", "names", "labels"), PART.values(), ids=PART)
def test_relabel_leaves_what_the_table_has_no_column_for(
    path: Path, tmp_path: Path, text: str, names: dict[str, str | None], labels: dict[str, str | None]
):
    one = KNOWN.ids[0]
    own = Taxon(Lineage({**KNOWN.names[one], "superkingdom": "Viruses"}), {"subtype": "A", "year": "1999"})
    changes.relabel(path, Taxonomy({one: own}, "made up"), SETTINGS)
    before = Index.open(path).catalog.entries()
    (tmp_path / "t.tsv").write_text(text.format(one))
    changes.relabel(path, read_taxonomy(tmp_path / "t.tsv"), SETTINGS)
    after = Index.open(path).catalog.entries()
    assert after[1:] == before[1:]
    expected = {**own.lineage.names, **names}, {**own.labels, **labels}
    wanted = tuple({key: value for key, value in values.items() if value} for values in expected)
    assert (dict(after[0].lineage.names), dict(after[0].taxon.labels)) == wanted
    assert (after[0].id, after[0].molecule) == (one, "virus")


# -- merge ---------------------------------------------------------------------------------------------------


def test_merge_of_halves_equals_the_whole(tmp_path: Path):
    known = simulated.collection(8, 2, 5, seed=3)
    held_out = known.ids[4::5]  # one of each species
    kept = [one for one in known.ids if one not in held_out]
    built(tmp_path / "whole", known.only(kept))
    for number, half in enumerate((kept[:32], kept[32:])):
        built(tmp_path / f"half_{number}", known.only(half))
    summary = merge.merge(tmp_path / "half_0", [tmp_path / "half_1"], SETTINGS)
    assert (summary.added, summary.unchanged, summary.failures) == (32, 0, ())
    merged, whole = Index.open(tmp_path / "half_0"), Index.open(tmp_path / "whole")
    assert [entry.id for entry in merged.catalog.entries()] == kept
    assert [entry.id for entry in whole.catalog.entries()] == kept
    np.testing.assert_allclose(merged.model.vectors.rows(), whole.model.vectors.rows(), atol=1e-5)
    assert merged.damage() == []
    assert_pairs_are_sound(merged)
    queries = [genome(f"held_{one}", known.sequences[one]) for one in held_out]
    called = species_of(whole, queries)
    right = [("species", known.names[one]["species"]) for one in held_out]
    assert sum(call == one for call, one in zip(called, right, strict=True)) >= len(right) - 1
    assert species_of(merged, queries) == called


@pytest.mark.long
def test_merge_into_a_new_folder_and_of_an_index_with_itself(path: Path, tmp_path: Path):
    built(tmp_path / "other", MORE)
    summary = merge.merge(tmp_path / "new", [path, tmp_path / "other"], SETTINGS)
    assert (summary.added, summary.unchanged) == (84, 0)
    shutil.rmtree(tmp_path / "other")
    assert summary.index.damage() == []
    assert answers(summary.index, QUERIES)
    again = merge.merge(tmp_path / "new", [path], SETTINGS)
    assert (again.added, again.unchanged) == (0, 72)
    assert_pairs_are_sound(again.index)


def test_merge_leaves_removed_genomes_out_and_refuses_two_sequences_under_one_id(path: Path, tmp_path: Path):
    other = simulated.Collection(dict(MORE.sequences), dict(MORE.names))
    other.sequences[KNOWN.ids[0]] = mutated(MORE.sequences[MORE.ids[1]], 0.01, 5)
    other.names[KNOWN.ids[0]] = KNOWN.names[KNOWN.ids[0]]
    built(tmp_path / "other", other)
    changes.remove(tmp_path / "other", MORE.ids[:1], SETTINGS)
    summary = merge.merge(path, [tmp_path / "other"], SETTINGS)
    assert summary.added == 11
    [failure] = summary.failures
    assert failure.id == KNOWN.ids[0]
    assert "another sequence" in failure.reason
    assert MORE.ids[0] not in {entry.id for entry in summary.index.catalog.entries()}
    assert MORE.ids[0] not in shown_ids(path, MORE.genomes()[:2])
    assert_pairs_are_sound(summary.index)


@pytest.mark.parametrize(("setting", "mine", "theirs"), [("dim", 256, 128), ("small_scaled", 8, 16)])
def test_merge_refuses_other_settings(path: Path, tmp_path: Path, setting: str, mine: int, theirs: int):
    built(tmp_path / "other", MORE, **{setting: theirs})
    before = Index.open(path).snapshot
    with pytest.raises(SpecMismatch, match=rf"{setting} is {mine} in the index but {theirs} here") as caught:
        merge.merge(path, [tmp_path / "other"], SETTINGS)
    assert (caught.value.setting, caught.value.mine, caught.value.theirs) == (setting, mine, theirs)
    assert Index.open(path).snapshot == before


# -- refit ---------------------------------------------------------------------------------------------------


def test_refit_after_removal_renumbers_rows(path: Path):
    gone = KNOWN.ids[::4]
    left = [one for one in KNOWN.ids if one not in gone]
    changes.remove(path, gone, SETTINGS)
    rows = [entry.row for entry in Index.open(path).catalog.entries()]
    assert rows != list(range(54))
    index = changes.refit(path, SETTINGS).index
    assert [(entry.row, entry.id) for entry in index.catalog.entries()] == list(enumerate(left))
    assert (len(index.model.vectors), len(index.model.live), index.snapshot.fitted) == (54, 54, 54)
    assert index.model.live.all()
    assert index.damage() == []
    expected = index.model.projection.apply(index.references.features(np.arange(54)))
    np.testing.assert_allclose(index.model.vectors.rows(), expected, atol=1e-5)
    assert not set(gone) & shown_ids(index, QUERIES)
    assert_pairs_are_sound(index)
    assert species_of(index, [genome("again", KNOWN.sequences[gone[0]])]) == [("species", species(gone[0]))]


def test_refit_equals_a_build_of_the_remaining_genomes(path: Path, tmp_path: Path):
    """Except for pairs that were measured before and stay so: names are compared, not numbers."""
    gone = KNOWN.ids[::4]
    left = KNOWN.only(one for one in KNOWN.ids if one not in gone)
    changes.remove(path, gone, SETTINGS)
    index = changes.refit(path, SETTINGS).index
    fresh = built(tmp_path / "fresh", left).index
    np.testing.assert_allclose(index.model.vectors.rows(), fresh.model.vectors.rows(), atol=1e-5)
    assert species_of(index, QUERIES) == species_of(fresh, QUERIES)


def test_a_refit_is_due_after_a_tenth_has_changed(path: Path):
    changes.remove(path, KNOWN.ids[:7], SETTINGS)  # 7 of 72
    assert Index.open(path).due() == []
    changes.relabel(path, renamed(KNOWN, KNOWN.ids[10:11], "G00virus fresh"), SETTINGS)
    [sentence] = Index.open(path).due()
    assert "8 genomes changed" in sentence
    assert "fitted on 72" in sentence
    assert "gindex refit" in sentence
    changes.refit(path, SETTINGS)
    assert Index.open(path).due() == []
    add(path, MORE)
    assert "12 genomes changed" in Index.open(path).due()[0]


# -- what is kept on disk ------------------------------------------------------------------------------------


@pytest.mark.long
def test_many_changes_leave_few_snapshots_and_no_unused_segments(path: Path):
    for number in range(4):
        one = MORE.only(MORE.ids[3 * number : 3 * number + 3])
        add(path, one)
        if number % 2:
            undo(path)
        changes.remove(path, KNOWN.ids[number : number + 1], SETTINGS)
        changes.relabel(path, renamed(KNOWN, KNOWN.ids[20:21], f"G00virus fresh{number}"), SETTINGS)
        assert len(simulated.snapshots_on_disk(path)) <= KEEP_SNAPSHOTS
        assert simulated.folders(path / "segments") == simulated.referenced_segments(path)
        assert simulated.folders(path / "staging") == []
    built(path, KNOWN.only(KNOWN.ids[::4]))
    for one in KNOWN.ids[: 4 * KEEP_SNAPSHOTS : 4]:
        changes.remove(path, [one], SETTINGS)
    assert len(simulated.snapshots_on_disk(path)) == KEEP_SNAPSHOTS
    assert simulated.folders(path / "segments") == simulated.referenced_segments(path)
    assert len(simulated.referenced_segments(path)) == 1
    assert Index.open(path).damage() == []
    assert Index.open(path).snapshot.genomes == 13


def test_building_again_replaces_a_damaged_segment(path: Path):
    """As the message of IndexDamaged says."""
    [segment] = (path / "segments").iterdir()
    content = bytearray((segment / "hashes.bin").read_bytes())
    content[5] ^= 1
    (segment / "hashes.bin").write_bytes(content)
    assert len(Index.open(path).damage()) == 1
    built(path, KNOWN)
    assert Index.open(path).damage() == []


def test_keep_sequence_works_over_an_index_built_without_it(tmp_path: Path):
    built(tmp_path / "index", MORE, **LARGE)
    index = built(tmp_path / "index", MORE, **LARGE, keep_sequence=True).index
    kept = index.references.genome(0)
    assert kept is not None
    assert kept.contigs[0].sequence == MORE.sequences[MORE.ids[0]]


CHANGES = {
    "add": lambda path: add(path, MORE),
    "remove": lambda path: changes.remove(path, ["one"], SETTINGS),
    "relabel": lambda path: changes.relabel(path, MORE.taxonomy, SETTINGS),
    "refit": lambda path: changes.refit(path, SETTINGS),
    "undo": undo,
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_change_without_an_index_leaves_no_files(tmp_path: Path, change: str):
    with pytest.raises(IndexNotFound, match="no index at"):
        CHANGES[change](tmp_path / "nothing")
    assert not (tmp_path / "nothing").exists()


# -- threads and processes -----------------------------------------------------------------------------------


def test_results_are_the_same_for_one_and_two_threads(original: Path, tmp_path: Path):
    other = build.build(
        tmp_path / "two", KNOWN.genomes(), IndexSpec(), KNOWN.taxonomy, ChangeSettings(threads=2)
    ).index
    one = Index.open(original)
    assert other.snapshot.fingerprint == one.snapshot.fingerprint  # every file but the catalogue, to the bit
    assert other.catalog.entries() == one.catalog.entries()
    said = answers(one, QUERIES, threads=1)
    assert answers(one, QUERIES, threads=2) == said
    assert answers(other, QUERIES, threads=2) == said


@pytest.mark.long
def test_results_are_the_same_for_one_and_two_threads_after_add_and_refit(path: Path, tmp_path: Path):
    twin = Path(shutil.copytree(path, tmp_path / "twin"))
    for threads, where in ((1, path), (2, twin)):
        add(where, MORE, ChangeSettings(threads=threads))
    assert answers(path, QUERIES) == answers(twin, QUERIES)
    for threads, where in ((1, path), (2, twin)):
        changes.refit(where, ChangeSettings(threads=threads))
    assert Index.open(path).snapshot.fingerprint == Index.open(twin).snapshot.fingerprint
    assert answers(path, QUERIES) == answers(twin, QUERIES)


@contextmanager
def started(*words: object) -> Iterator[subprocess.Popen[str]]:
    """Another process, which is ended in any case."""
    with subprocess.Popen([sys.executable, *map(str, words)], stderr=subprocess.PIPE, text=True) as process:
        try:
            yield process
        finally:
            process.kill()


def wait_for(what, seconds: float = 60.0) -> None:
    end = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < end
        time.sleep(0.05)


@pytest.mark.long
def test_concurrent_readers_see_the_old_or_the_new_snapshot(path: Path, tmp_path: Path):
    """Two processes query repeatedly while this one adds."""
    asked = [QUERIES[0], QUERIES[-1], relatives(MORE, 20)[0]]
    fasta, stop = tmp_path / "asked.fasta", tmp_path / "stop"
    simulated.Collection({one.id: one.contigs[0].sequence for one in asked}).write(tmp_path, "asked")
    outs = [tmp_path / "first.jsonl", tmp_path / "second.jsonl"]

    def lines(out: Path) -> list[str]:
        return out.read_text().splitlines() if out.exists() else []

    expected = {1: answers(path, from_file(asked, fasta))}
    with (
        started(simulated.__file__, path, fasta, outs[0], stop) as first,
        started(simulated.__file__, path, fasta, outs[1], stop) as second,
    ):
        wait_for(lambda: all(lines(out) for out in outs))
        for start in range(0, 12, 3):
            index = add(path, MORE.only(MORE.ids[start : start + 3])).index
            expected[index.snapshot.number] = answers(index, from_file(asked, fasta))
        seen = [len(lines(out)) for out in outs]
        wait_for(lambda: all(len(lines(out)) > known + 1 for out, known in zip(outs, seen, strict=True)))
        stop.touch()
        errors = [reader.communicate(timeout=60)[1] for reader in (first, second)]
    assert errors == ["", ""]
    assert (first.returncode, second.returncode) == (0, 0)
    assert len(expected) == 5
    assert expected[1] != expected[5]
    for out in outs:
        said = [json.loads(line) for line in lines(out)]
        assert {1, 5} <= {one["snapshot"] for one in said}
        for one in said:
            assert one["answers"] == expected[one["snapshot"]]
        numbers = [one["snapshot"] for one in said]
        assert numbers == sorted(numbers)


def from_file(genomes: list, fasta: Path) -> list:
    return [replace(one, source=str(fasta)) for one in genomes]


@pytest.mark.long
def test_a_second_writer_waits_and_then_works(path: Path, tmp_path: Path):
    fasta, table = MORE.write(tmp_path, "more")
    words = ["add", fasta, "--taxonomy", table, "--genome-per", "record", "--index", path, "--wait", 60]
    with ExitStack() as stack:
        with writing(path):
            second = stack.enter_context(started("-m", "gindex_cli", *words))
            with pytest.raises(subprocess.TimeoutExpired):
                second.wait(3.0)
            assert Index.open(path).snapshot.number == 1  # a reader does not wait
        errors = second.communicate(timeout=60)[1]
    assert second.returncode == 0, errors
    assert "added 12 genomes" in errors
    assert Index.open(path).snapshot.genomes == 84


def test_a_second_writer_fails_after_its_wait(path: Path):
    words = ["remove", KNOWN.ids[0], "--index", path, "--wait", 0]
    with writing(path):
        start = time.monotonic()
        with pytest.raises(IndexLocked) as caught:
            changes.remove(path, KNOWN.ids[:1], ChangeSettings(wait_s=0.5))
        assert 0.5 <= time.monotonic() - start < 10
        assert caught.value.holder.startswith(f"process {os.getpid()}, ")
        with started("-m", "gindex_cli", *words) as second:
            errors = second.communicate(timeout=60)[1]
    assert second.returncode == 2
    assert len(errors.splitlines()) == 1
    assert re.search(rf"another gindex \(process {os.getpid()}, .* is writing to this index", errors)
    assert "--wait SECONDS" in errors
    assert changes.remove(path, KNOWN.ids[:1], ChangeSettings(wait_s=0.5)).removed == 1


@pytest.mark.long
def test_a_second_writer_waits_for_one_that_leaves_no_index(tmp_path: Path):
    """That writer removes the folder that it had made, and the lock in it."""
    fasta, _ = MORE.write(tmp_path, "more")
    words = ["build", fasta, "--genome-per", "record", "--index", tmp_path / "a" / "index", "--wait", 60]
    with ExitStack() as stack:
        with writing(tmp_path / "a" / "index", new=True):
            second = stack.enter_context(started("-m", "gindex_cli", *words))
            with pytest.raises(subprocess.TimeoutExpired):
                second.wait(3.0)
        errors = second.communicate(timeout=60)[1]
    assert second.returncode == 0, errors
    assert Index.open(tmp_path / "a" / "index").snapshot.genomes == 12


def test_a_build_without_genomes_leaves_no_files(tmp_path: Path):
    (tmp_path / "mine").mkdir()
    for where in ("mine", "mine/a/b", "new"):
        with pytest.raises(UsageError, match="nothing was built"):
            build.build(tmp_path / where, [], IndexSpec(), None, SETTINGS)
    assert [one.name for one in tmp_path.rglob("*")] == ["mine"]


# -- odd sizes -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("labelled", [True, False])
@pytest.mark.parametrize("size", [1, 2])
def test_an_index_of_one_or_two_genomes(tmp_path: Path, size: int, labelled: bool):
    few = KNOWN.only(KNOWN.ids[::6][:size])
    index = built(tmp_path / "index", few, labelled).index
    queries = relatives(few, 1)
    calls = list(query_index(index, queries))
    assert [call.hits[0].id for call in calls[:-1]] == few.ids
    assert [len(call.hits) for call in calls] == [size] * (size + 1)
    expected = [("species", species(one)) for one in few.ids] if labelled else [("unnamed", None)] * size
    assert species_of(index, queries)[:-1] == expected
    assert calls[-1].verdict in ("novel", "out_of_scope")
    assert add(tmp_path / "index", MORE).added == 12
    changes.remove(tmp_path / "index", few.ids, SETTINGS)
    changes.refit(tmp_path / "index", SETTINGS)
    assert Index.open(tmp_path / "index").damage() == []
    assert [call.hits[0].species for call in query_index(tmp_path / "index", relatives(MORE, 3)[:-1])] == [
        species(one) for one in MORE.ids[::3]
    ]


@pytest.mark.parametrize("genera", [1, 2])
def test_an_index_of_one_or_two_genera(tmp_path: Path, genera: int):
    known = simulated.collection(genera, 3, 6)
    built(tmp_path / "index", known)
    calls = species_of(tmp_path / "index", relatives(known, 3)[:-1])
    assert [name for _, name in calls] == [known.names[one]["species"] for one in known.ids[::3]]


@pytest.mark.long
def test_an_index_without_any_taxonomy(path: Path, tmp_path: Path):
    summary = built(tmp_path / "index", KNOWN, labelled=False)
    assert summary.warnings == (
        f"72 genomes without taxonomy, which cannot name a query: {KNOWN.ids[0]} and 71 more",
    )
    calls = list(query_index(summary.index, QUERIES))
    assert {call.name for call in calls} == {None}
    assert {call.verdict for call in calls[:-1]} == {"unnamed"}
    assert calls[-1].verdict in ("novel", "out_of_scope")
    nearest = [call.hits[0].id for call in calls[:-1]]
    assert nearest == [call.hits[0].id for call in query_index(path, QUERIES[:-1])]
    assert changes.relabel(tmp_path / "index", KNOWN.taxonomy, SETTINGS).relabelled == 72
    changes.refit(tmp_path / "index", SETTINGS)
    assert species_of(tmp_path / "index", QUERIES) == species_of(path, QUERIES)


@pytest.fixture(scope="module")
def large(tmp_path_factory) -> tuple[Path, simulated.Collection]:
    """An index too large for an exact search."""
    known = simulated.collection(10, 3, 10)
    path = tmp_path_factory.mktemp("large") / "index"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(kinds, "EXACT_UP_TO", 100)
        built(path, known)
    return path, known


def kind_of(index: Index) -> type:
    return type(faiss.read_index(str(index.folder / "vectors.faiss")))


def dull_top(index: Index, queries: np.ndarray, k: int) -> np.ndarray:
    similarity = unit(queries) @ unit(index.model.vectors.rows()).T
    similarity[:, ~index.model.live] = -np.inf
    return np.argsort(-similarity, axis=1)[:, :k]


def recall(found: np.ndarray, expected: np.ndarray) -> float:
    return float(np.mean([len(set(a) & set(b)) / len(b) for a, b in zip(found, expected, strict=True)]))


@pytest.mark.long
def test_a_large_index_has_codes_and_finds_what_numpy_finds(large):
    path, known = large
    index = Index.open(path)
    assert kind_of(index) is faiss.IndexIVFRaBitQFastScan
    queries = embed(index, relatives(known, 3))
    _, rows = index.model.vectors.search(queries, 10, index.model.live)
    assert recall(rows, dull_top(index, queries, 10)) >= 0.95


def test_a_removal_hides_genomes_from_the_codes_too(large, tmp_path: Path):
    path, known = Path(shutil.copytree(large[0], tmp_path / "index")), large[1]
    gone = known.ids[::2]
    changes.remove(path, gone, SETTINGS)
    index = Index.open(path)
    assert kind_of(index) is faiss.IndexIVFRaBitQFastScan
    queries = embed(index, relatives(known, 3))
    _, rows = index.model.vectors.search(queries, 10, index.model.live)
    assert (rows >= 0).all()
    assert index.model.live[rows].all()
    assert recall(rows, dull_top(index, queries, 10)) >= 0.95
    asked = [genome("again", known.sequences[one]) for one in gone[:10]]
    assert not set(gone) & shown_ids(index, asked)
    assert [name for _, name in species_of(index, asked)] == [
        known.names[one]["species"] for one in gone[:10]
    ]


def test_codes_grow(large, tmp_path: Path):
    path = Path(shutil.copytree(large[0], tmp_path / "index"))
    assert add(path, MORE).added == 12
    calls = query_index(path, relatives(MORE, 3)[:-1])
    assert [call.hits[0].species for call in calls] == [species(one) for one in MORE.ids[::3]]


@pytest.mark.long
@pytest.mark.parametrize(
    ("factory", "kind"), [("IVF8,Flat", faiss.IndexIVFFlat), ("HNSW32", faiss.IndexHNSWFlat)]
)
def test_a_factory_string_is_used(tmp_path: Path, factory: str, kind: type):
    """Inverted lists, and the graph of an older gindex: changes work, and removed genomes stay hidden."""
    path = tmp_path / "index"
    index = built(path, KNOWN, faiss=factory).index
    assert kind_of(index) is kind
    right = [species(one) for one in KNOWN.ids[::5]]
    assert [name for _, name in species_of(index, QUERIES)[:-1]] == right
    before = answers(index, QUERIES)
    add(path, MORE)
    changes.remove(path, KNOWN.ids[::5], SETTINGS)
    index = Index.open(path)
    assert not set(KNOWN.ids[::5]) & shown_ids(index, QUERIES)
    assert [name for _, name in species_of(index, QUERIES)[:-1]] == right
    rows = np.flatnonzero(index.model.live)
    expected = index.model.projection.apply(index.references.features(rows))
    np.testing.assert_allclose(index.model.vectors.rows()[rows], expected, atol=1e-5)
    changes.refit(path, SETTINGS)
    assert kind_of(Index.open(path)) is kind
    for _ in range(3):
        undo(path)
    assert answers(path, QUERIES) == before


def test_a_factory_string_unknown_to_faiss_is_refused(tmp_path: Path):
    with pytest.raises(
        UsageError, match=r"FAISS cannot build 'Flatt' for 12 vectors.*choose another --faiss"
    ):
        built(tmp_path / "index", MORE, faiss="Flatt")
    with pytest.raises(IndexNotFound):
        Index.open(tmp_path / "index")


@pytest.mark.parametrize("factory", ["PQ4x4fs", "IVF4,Flat,RFlat"])
def test_a_kind_that_cannot_filter_is_refused_before_there_is_an_index(tmp_path: Path, factory: str):
    with pytest.raises(
        UsageError, match=f"FAISS cannot hide removed genomes in '{factory}': .*choose another --faiss"
    ):
        built(tmp_path / "index", KNOWN, faiss=factory)
    with pytest.raises(IndexNotFound):
        Index.open(tmp_path / "index")


def test_exclude_identical_leaves_identical_genomes_out(path: Path):
    twin = [genome("twin", KNOWN.sequences[KNOWN.ids[0]])]
    [call] = query_index(path, twin, settings=QuerySettings(k=50, exclude_identical=True))
    assert KNOWN.ids[0] not in {hit.id for hit in call.hits}
    assert len(call.hits) == 50
    assert call.name == species(KNOWN.ids[0])
