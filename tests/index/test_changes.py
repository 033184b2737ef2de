"""The life of an index: add, remove, relabel, merge, undo, refit; threads, processes and odd sizes."""

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
from genome_index.index.vectors import faiss_index as vectors

WORK = ChangeSettings()
KNOWN = simulated.collection(4, 3, 6)  # 72 genomes, 12 species, 4 genera, 2 families
MORE = simulated.collection(4, 1, 3, seed=7, prefix="n")  # 12 genomes of 4 species, of families of their own
ASKED = relatives(KNOWN, 5)
LARGE = {"small_bp": 1_000, "large_scaled": 8}  # what is kept of large genomes, of genomes of 2,500 bp


@pytest.fixture(scope="module")
def original(tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("life") / "index"
    assert built(path, KNOWN).added == len(KNOWN) == 72
    return path


@pytest.fixture
def path(original: Path, tmp_path: Path) -> Path:
    """An index of its own for a test."""
    return Path(shutil.copytree(original, tmp_path / "index"))


def add(path: Path, known: simulated.Collection, work: ChangeSettings = WORK) -> ChangeSummary:
    return build.add(path, known.genomes(), known.taxonomy, work)


def species(genome_id: str) -> str:
    return (KNOWN.names | MORE.names)[genome_id]["species"]


# -- query, as a base for the rest ---------------------------------------------------------------------------


def test_relatives_are_called_and_a_stranger_is_not(path: Path):
    calls = species_of(path, ASKED)
    expected = [("species", species(one)) for one in KNOWN.ids[::5]]
    assert sum(call == right for call, right in zip(calls, expected, strict=False)) >= len(expected) - 1
    assert calls[-1][0] not in ("species", "genus")


# -- add -----------------------------------------------------------------------------------------------------


def test_added_genomes_are_found_and_the_old_ones_still(path: Path):
    before = species_of(path, ASKED)
    summary = add(path, MORE)
    assert (summary.added, summary.unchanged, summary.failures) == (12, 0, ())
    assert [entry.id for entry in summary.index.catalog.entries()] == [*KNOWN.ids, *MORE.ids]
    newcomers = relatives(MORE, 3)[:-1]
    hits = [call.hits[0].species for call in query_index(path, newcomers)]
    assert hits == [species(one) for one in MORE.ids[::3]]
    assert species_of(path, ASKED)[:-1] == before[:-1]
    assert summary.index.damage() == []
    assert_pairs_are_sound(summary.index)


def test_vectors_of_added_genomes_are_those_of_their_features(path: Path):
    index = add(path, MORE).index
    rows = np.arange(len(KNOWN), len(KNOWN) + len(MORE))
    expected = index.model.projection.apply(index.references.features(rows))
    np.testing.assert_allclose(index.model.vectors.rows()[rows], expected, atol=1e-5)


def test_the_very_same_genomes_are_passed_over(path: Path):
    before = Index.open(path).snapshot.number
    summary = add(path, KNOWN)
    assert (summary.added, summary.unchanged, summary.failures) == (0, 72, ())
    lower = [genome(one, dna.lower()) for one, dna in KNOWN.sequences.items()]
    assert build.add(path, lower, None, WORK).unchanged == 72
    assert Index.open(path).snapshot.number == before


def test_another_sequence_under_a_taken_id_is_refused_in_a_row(path: Path):
    taken = KNOWN.ids[3]
    offered = [genome(taken, MORE.sequences[MORE.ids[0]]), *MORE.genomes()]
    summary = build.add(path, offered, MORE.taxonomy, WORK)
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


def test_an_id_offered_twice_is_refused_the_second_time(path: Path):
    twice = [*MORE.genomes()[:1], genome(MORE.ids[0], MORE.sequences[MORE.ids[1]])]
    summary = build.add(path, twice, MORE.taxonomy, WORK)
    assert summary.added == 1
    assert "already given" in summary.failures[0].reason


def test_removed_genomes_can_be_added_again(path: Path):
    gone = KNOWN.ids[:6]
    before = species_of(path, ASKED)
    changes.remove(path, gone, WORK)
    assert add(path, KNOWN.only(gone)).added == 6
    index = Index.open(path)
    assert sorted(entry.id for entry in index.catalog.entries()) == sorted(KNOWN.ids)
    assert species_of(index, ASKED) == before
    assert index.damage() == []


def test_labels_of_genomes_that_are_there_already_are_not_called_unused(path: Path):
    assert add(path, KNOWN).warnings == ()


def test_add_to_an_index_of_large_genomes(tmp_path: Path):
    built(tmp_path / "index", KNOWN, **LARGE)
    near = simulated.Collection({"near": mutated(KNOWN.sequences[KNOWN.ids[0]], 0.01, 3)}, {"near": {}})
    assert add(tmp_path / "index", near).added == 1


# -- remove --------------------------------------------------------------------------------------------------


def test_a_removed_genome_is_never_found_again_and_its_species_still_is(path: Path):
    gone = KNOWN.ids[::6]  # one of each species
    queries = [genome(f"again_{one}", KNOWN.sequences[one]) for one in gone]
    assert set(gone) <= shown_ids(path, queries)
    assert changes.remove(path, gone, WORK).removed == 12
    assert not set(gone) & shown_ids(path, queries)
    assert species_of(path, queries) == [("species", species(one)) for one in gone]
    index = Index.open(path)
    assert not set(gone) & {entry.id for entry in index.catalog.entries()}
    assert (index.snapshot.genomes, int(index.model.live.sum())) == (60, 60)
    assert_pairs_are_sound(index)


def test_a_species_removed_whole_is_never_called_again(path: Path):
    gone = KNOWN.ids[:6]
    queries = [genome("again", KNOWN.sequences[one]) for one in gone[:2]]
    assert {name for _, name in species_of(path, queries)} == {species(gone[0])}
    index = changes.remove(path, gone, WORK).index
    assert species(gone[0]) not in {name for _, name in species_of(index, queries)}
    assert species(gone[0]) not in index.model.levels["species"].names
    assert not set(gone) & shown_ids(index, queries)


def test_an_unknown_id_removes_nothing(path: Path):
    before = Index.open(path).snapshot.number
    with pytest.raises(UsageError, match=r"no genome has the id 'nobody'.*gindex list.*Nothing was removed"):
        changes.remove(path, [KNOWN.ids[0], "nobody"], WORK)
    with pytest.raises(UsageError, match="remove every genome"):
        changes.remove(path, KNOWN.ids, WORK)
    assert Index.open(path).snapshot.number == before


# -- undo ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["add", "remove", "relabel", "refit", "merge", "build"])
def test_undo_brings_back_exactly_the_state_before(path: Path, tmp_path: Path, kind: str):
    changes.remove(path, KNOWN.ids[1:3], WORK)
    before = Index.open(path)
    said, entries = answers(before, ASKED), before.catalog.entries()
    match kind:
        case "add":
            add(path, MORE)
        case "remove":
            changes.remove(path, KNOWN.ids[6:18], WORK)
        case "relabel":
            changes.relabel(path, renamed(KNOWN, KNOWN.ids[:6], "Fresh name"), WORK)
        case "refit":
            changes.refit(path, WORK)
        case "merge":
            built(tmp_path / "other", MORE)
            merge.merge(path, [tmp_path / "other"], WORK)
        case "build":
            built(path, MORE)
    changed = Index.open(path)
    assert (answers(changed, ASKED), changed.catalog.entries()) != (said, entries)
    again = undo(path)
    assert again.snapshot == before.snapshot
    assert again.catalog.entries() == entries
    assert answers(again, ASKED) == said
    assert again.damage() == []


def test_undo_at_the_oldest_snapshot_says_so(path: Path):
    with pytest.raises(UsageError, match=r"nothing to undo: snapshot 1 \(build\) is the oldest"):
        undo(path)
    for one in KNOWN.ids[: KEEP_SNAPSHOTS + 2]:
        changes.remove(path, [one], WORK)
    for _ in range(KEEP_SNAPSHOTS - 1):
        undo(path)
    oldest = Index.open(path)
    assert oldest.snapshot.genomes == 72 - 3
    with pytest.raises(UsageError, match=rf"nothing to undo: snapshot {oldest.snapshot.number} \(remove"):
        undo(path)
    assert Index.open(path).snapshot == oldest.snapshot
    assert oldest.damage() == []


def test_undo_after_a_detour_goes_to_the_snapshot_that_was_changed(path: Path):
    """Not to the number before: that may be a snapshot that was undone."""
    before = answers(path, ASKED)
    changes.remove(path, KNOWN.ids[:6], WORK)
    undo(path)
    changes.remove(path, KNOWN.ids[6:12], WORK)
    number = Index.open(path).snapshot.number
    assert undo(path).snapshot.number == 1 < number - 1
    assert answers(path, ASKED) == before


def test_a_reader_goes_on_with_the_snapshot_it_opened_though_that_is_undone(path: Path):
    changes.remove(path, KNOWN.ids[:1], WORK)
    reader = Index.open(path)
    undo(path)
    changes.remove(path, KNOWN.ids[1:2], WORK)
    assert KNOWN.ids[0] not in shown_ids(reader, ASKED)


def test_what_was_undone_goes_with_the_next_change_unless_a_reader_has_it_open(path: Path):
    """A reader of another process counts as well; and its segments stay, which nobody else speaks of."""
    add(path, MORE)
    with reading(path) as ask:
        undo(path)
        changes.remove(path, KNOWN.ids[:1], WORK)
        assert simulated.kept_snapshots(path) == [1, 2, 3]
        assert ask() == f"{[species(one) for one in MORE.ids]}\n"
    assert len(simulated.folders(path / "segments")) == 2
    changes.remove(path, KNOWN.ids[1:2], WORK)
    assert simulated.kept_snapshots(path) == [1, 3, 4]
    assert simulated.folders(path / "segments") == simulated.spoken_of(path)
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
    """Another process that opens the index now, and reads in it when it is asked to."""
    words = [sys.executable, "-c", READER, str(path)]
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout.readline() == "open\n"
            yield lambda: process.communicate("read\n", timeout=60)[0]
        finally:
            process.kill()


def test_segments_stay_while_a_kept_snapshot_cannot_say_which_it_needs(path: Path):
    catalog = path / "snapshots" / "000001" / "catalog.duckdb"
    content = catalog.read_bytes()
    changes.remove(path, KNOWN.ids[:1], WORK)
    for left, segments in ((content[: len(content) // 2], 2), (content, 1)):
        add(path, MORE)
        undo(path)
        catalog.write_bytes(left)
        changes.remove(path, KNOWN.ids[1:2], WORK)
        assert len(simulated.folders(path / "segments")) == segments
        undo(path)


def test_undo_passes_over_a_snapshot_that_cannot_be_read(path: Path):
    for one in KNOWN.ids[:2]:
        changes.remove(path, [one], WORK)
    (path / "snapshots" / "000002" / "manifest.json").write_text("{}")
    assert undo(path).snapshot.number == 1


def test_a_number_written_by_hand_is_enough(path: Path):
    for one in KNOWN.ids[:2]:
        changes.remove(path, [one], WORK)
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
    before = species_of(path, ASKED)
    chosen = [one for one in KNOWN.ids if species(one) == species(KNOWN.ids[0])]
    summary = changes.relabel(path, renamed(KNOWN, chosen, "G00virus fresh"), WORK)
    assert summary.relabelled == len(chosen) == 6
    expected = [
        ("species", "G00virus fresh") if call == ("species", species(chosen[0])) else call for call in before
    ]
    assert expected != before
    assert species_of(path, ASKED) == expected
    undo(path)
    assert species_of(path, ASKED) == before


def test_relabel_to_the_same_names_changes_nothing(path: Path):
    number = Index.open(path).snapshot.number
    summary = changes.relabel(path, KNOWN.taxonomy, WORK)
    assert (summary.relabelled, summary.index.snapshot.number) == (0, number)


def test_relabel_says_which_labels_it_could_not_use(path: Path):
    labels = simulated.Collection(
        {}, {KNOWN.ids[0]: {"species": "G00virus fresh"}, "nobody": {"species": "X y"}}
    )
    summary = changes.relabel(path, labels.taxonomy, WORK)
    assert summary.relabelled == 1
    assert summary.warnings == ("1 label of made up names no genome of the index",)


# -- merge ---------------------------------------------------------------------------------------------------


def test_merge_of_halves_equals_the_whole(tmp_path: Path):
    known = simulated.collection(8, 2, 5, seed=3)
    held_out = known.ids[4::5]  # one of each species
    kept = [one for one in known.ids if one not in held_out]
    built(tmp_path / "whole", known.only(kept))
    for number, half in enumerate((kept[:32], kept[32:])):
        built(tmp_path / f"half_{number}", known.only(half))
    summary = merge.merge(tmp_path / "half_0", [tmp_path / "half_1"], WORK)
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


def test_merge_into_a_new_folder_and_of_an_index_with_itself(path: Path, tmp_path: Path):
    built(tmp_path / "other", MORE)
    summary = merge.merge(tmp_path / "new", [path, tmp_path / "other"], WORK)
    assert (summary.added, summary.unchanged) == (84, 0)
    shutil.rmtree(tmp_path / "other")
    assert summary.index.damage() == []
    assert answers(summary.index, ASKED)
    again = merge.merge(tmp_path / "new", [path], WORK)
    assert (again.added, again.unchanged) == (0, 72)
    assert_pairs_are_sound(again.index)


def test_merge_leaves_removed_genomes_out_and_refuses_two_sequences_under_one_id(path: Path, tmp_path: Path):
    other = simulated.Collection(dict(MORE.sequences), dict(MORE.names))
    other.sequences[KNOWN.ids[0]] = mutated(MORE.sequences[MORE.ids[1]], 0.01, 5)
    other.names[KNOWN.ids[0]] = KNOWN.names[KNOWN.ids[0]]
    built(tmp_path / "other", other)
    changes.remove(tmp_path / "other", MORE.ids[:1], WORK)
    summary = merge.merge(path, [tmp_path / "other"], WORK)
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
        merge.merge(path, [tmp_path / "other"], WORK)
    assert (caught.value.setting, caught.value.mine, caught.value.theirs) == (setting, mine, theirs)
    assert Index.open(path).snapshot == before


# -- refit ---------------------------------------------------------------------------------------------------


def test_refit_after_removal_numbers_rows_anew(path: Path):
    gone = KNOWN.ids[::4]
    left = [one for one in KNOWN.ids if one not in gone]
    changes.remove(path, gone, WORK)
    rows = [entry.row for entry in Index.open(path).catalog.entries()]
    assert rows != list(range(54))
    index = changes.refit(path, WORK).index
    assert [(entry.row, entry.id) for entry in index.catalog.entries()] == list(enumerate(left))
    assert (len(index.model.vectors), len(index.model.live), index.snapshot.fitted) == (54, 54, 54)
    assert index.model.live.all()
    assert index.damage() == []
    expected = index.model.projection.apply(index.references.features(np.arange(54)))
    np.testing.assert_allclose(index.model.vectors.rows(), expected, atol=1e-5)
    assert not set(gone) & shown_ids(index, ASKED)
    assert_pairs_are_sound(index)
    assert species_of(index, [genome("again", KNOWN.sequences[gone[0]])]) == [("species", species(gone[0]))]


def test_refit_equals_a_build_of_what_is_left(path: Path, tmp_path: Path):
    """But for pairs that were measured before, which stay measured: names are asked for, not numbers."""
    gone = KNOWN.ids[::4]
    left = KNOWN.only(one for one in KNOWN.ids if one not in gone)
    changes.remove(path, gone, WORK)
    index = changes.refit(path, WORK).index
    fresh = built(tmp_path / "fresh", left).index
    np.testing.assert_allclose(index.model.vectors.rows(), fresh.model.vectors.rows(), atol=1e-5)
    assert species_of(index, ASKED) == species_of(fresh, ASKED)


def test_due_asks_for_a_refit_after_a_tenth_has_changed(path: Path):
    changes.remove(path, KNOWN.ids[:7], WORK)  # 7 of 72
    assert Index.open(path).due() == []
    changes.relabel(path, renamed(KNOWN, KNOWN.ids[10:11], "G00virus fresh"), WORK)
    [sentence] = Index.open(path).due()
    assert "8 genomes changed" in sentence
    assert "fitted on 72" in sentence
    assert "gindex refit" in sentence
    changes.refit(path, WORK)
    assert Index.open(path).due() == []
    add(path, MORE)
    assert "12 genomes changed" in Index.open(path).due()[0]


# -- what is kept on disk ------------------------------------------------------------------------------------


def test_a_long_life_leaves_few_snapshots_and_no_orphans(path: Path):
    for number in range(4):
        one = MORE.only(MORE.ids[3 * number : 3 * number + 3])
        add(path, one)
        if number % 2:
            undo(path)
        changes.remove(path, KNOWN.ids[number : number + 1], WORK)
        changes.relabel(path, renamed(KNOWN, KNOWN.ids[20:21], f"G00virus fresh{number}"), WORK)
        assert len(simulated.kept_snapshots(path)) <= KEEP_SNAPSHOTS
        assert simulated.folders(path / "segments") == simulated.spoken_of(path)
        assert simulated.folders(path / "staging") == []
    built(path, KNOWN.only(KNOWN.ids[::4]))
    for one in KNOWN.ids[: 4 * KEEP_SNAPSHOTS : 4]:
        changes.remove(path, [one], WORK)
    assert len(simulated.kept_snapshots(path)) == KEEP_SNAPSHOTS
    assert simulated.folders(path / "segments") == simulated.spoken_of(path)
    assert len(simulated.spoken_of(path)) == 1
    assert Index.open(path).damage() == []
    assert Index.open(path).snapshot.genomes == 13


def test_building_again_mends_a_damaged_segment(path: Path):
    """As the sentence of IndexDamaged promises."""
    [segment] = (path / "segments").iterdir()
    content = bytearray((segment / "hashes.bin").read_bytes())
    content[5] ^= 1
    (segment / "hashes.bin").write_bytes(content)
    assert len(Index.open(path).damage()) == 1
    built(path, KNOWN)
    assert Index.open(path).damage() == []


def test_keep_sequence_is_heeded_where_an_index_without_sequence_was(tmp_path: Path):
    built(tmp_path / "index", MORE, **LARGE)
    index = built(tmp_path / "index", MORE, **LARGE, keep_sequence=True).index
    kept = index.references.genome(0)
    assert kept is not None
    assert kept.contigs[0].sequence == MORE.sequences[MORE.ids[0]]


CHANGES = {
    "add": lambda path: add(path, MORE),
    "remove": lambda path: changes.remove(path, ["one"], WORK),
    "relabel": lambda path: changes.relabel(path, MORE.taxonomy, WORK),
    "refit": lambda path: changes.refit(path, WORK),
    "undo": undo,
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_change_of_no_index_leaves_nothing_behind(tmp_path: Path, change: str):
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
    said = answers(one, ASKED, threads=1)
    assert answers(one, ASKED, threads=2) == said
    assert answers(other, ASKED, threads=2) == said


def test_results_are_the_same_for_one_and_two_threads_after_add_and_refit(path: Path, tmp_path: Path):
    twin = Path(shutil.copytree(path, tmp_path / "twin"))
    for threads, where in ((1, path), (2, twin)):
        add(where, MORE, ChangeSettings(threads=threads))
    assert answers(path, ASKED) == answers(twin, ASKED)
    for threads, where in ((1, path), (2, twin)):
        changes.refit(where, ChangeSettings(threads=threads))
    assert Index.open(path).snapshot.fingerprint == Index.open(twin).snapshot.fingerprint
    assert answers(path, ASKED) == answers(twin, ASKED)


@contextmanager
def started(*words: object) -> Iterator[subprocess.Popen[str]]:
    """Another process, which is gone at the end whatever happens."""
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


def test_readers_in_a_loop_see_the_old_or_the_new_snapshot(path: Path, tmp_path: Path):
    """Two processes ask again and again while this one adds."""
    asked = [ASKED[0], ASKED[-1], relatives(MORE, 20)[0]]
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


def test_a_second_writer_fails_after_its_wait_with_a_sentence(path: Path):
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


def test_a_second_writer_waits_for_one_that_makes_nothing(tmp_path: Path):
    """Which takes the folder away that it had made, and the lock in it."""
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


def test_a_build_of_nothing_leaves_nothing_but_the_folders_of_others(tmp_path: Path):
    (tmp_path / "mine").mkdir()
    for where in ("mine", "mine/a/b", "new"):
        with pytest.raises(UsageError, match="nothing was built"):
            build.build(tmp_path / where, [], IndexSpec(), None, WORK)
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
    expected = [("species", species(one)) for one in few.ids] if labelled else [("novel", None)] * size
    assert species_of(index, queries)[:-1] == expected
    assert calls[-1].verdict in ("novel", "out_of_scope")
    assert add(tmp_path / "index", MORE).added == 12
    changes.remove(tmp_path / "index", few.ids, WORK)
    changes.refit(tmp_path / "index", WORK)
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


def test_an_index_without_any_taxonomy(path: Path, tmp_path: Path):
    summary = built(tmp_path / "index", KNOWN, labelled=False)
    assert summary.warnings == (
        f"72 genomes without taxonomy, which cannot name a query: {KNOWN.ids[0]} and 71 more",
    )
    calls = list(query_index(summary.index, ASKED))
    assert {call.name for call in calls} == {None}
    assert {call.verdict for call in calls} <= {"novel", "out_of_scope"}
    nearest = [call.hits[0].id for call in calls[:-1]]
    assert nearest == [call.hits[0].id for call in query_index(path, ASKED[:-1])]
    assert changes.relabel(tmp_path / "index", KNOWN.taxonomy, WORK).relabelled == 72
    changes.refit(tmp_path / "index", WORK)
    assert species_of(tmp_path / "index", ASKED) == species_of(path, ASKED)


@pytest.fixture(scope="module")
def graph(tmp_path_factory) -> tuple[Path, simulated.Collection]:
    """An index that is larger than what is searched exactly."""
    known = simulated.collection(10, 3, 10)
    path = tmp_path_factory.mktemp("graph") / "index"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(vectors, "EXACT_UP_TO", 100)
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


def test_a_large_index_is_a_graph_and_finds_what_numpy_finds(graph):
    path, known = graph
    index = Index.open(path)
    assert kind_of(index) is faiss.IndexHNSWFlat
    queries = embed(index, relatives(known, 3))
    _, rows = index.model.vectors.search(queries, 10, index.model.live)
    assert recall(rows, dull_top(index, queries, 10)) >= 0.95


def test_a_removal_hides_genomes_from_the_graph_too(graph, tmp_path: Path):
    path, known = Path(shutil.copytree(graph[0], tmp_path / "index")), graph[1]
    gone = known.ids[::2]
    changes.remove(path, gone, WORK)
    index = Index.open(path)
    assert kind_of(index) is faiss.IndexHNSWFlat
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


def test_a_graph_grows(graph, tmp_path: Path):
    path = Path(shutil.copytree(graph[0], tmp_path / "index"))
    assert add(path, MORE).added == 12
    calls = query_index(path, relatives(MORE, 3)[:-1])
    assert [call.hits[0].species for call in calls] == [species(one) for one in MORE.ids[::3]]


def test_a_factory_string_is_obeyed(tmp_path: Path):
    """Inverted lists: add, remove, refit and undo work, and removed genomes stay hidden."""
    path = tmp_path / "index"
    index = built(path, KNOWN, faiss="IVF8,Flat").index
    assert kind_of(index) is faiss.IndexIVFFlat
    right = [species(one) for one in KNOWN.ids[::5]]
    assert [name for _, name in species_of(index, ASKED)[:-1]] == right
    before = answers(index, ASKED)
    add(path, MORE)
    changes.remove(path, KNOWN.ids[::5], WORK)
    index = Index.open(path)
    assert not set(KNOWN.ids[::5]) & shown_ids(index, ASKED)
    assert [name for _, name in species_of(index, ASKED)[:-1]] == right
    rows = np.flatnonzero(index.model.live)
    expected = index.model.projection.apply(index.references.features(rows))
    np.testing.assert_allclose(index.model.vectors.rows()[rows], expected, atol=1e-5)
    changes.refit(path, WORK)
    assert kind_of(Index.open(path)) is faiss.IndexIVFFlat
    for _ in range(3):
        undo(path)
    assert answers(path, ASKED) == before


def test_a_factory_string_that_faiss_does_not_know_is_refused(tmp_path: Path):
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


def test_exclude_identical_leaves_the_twins_out(path: Path):
    twin = [genome("twin", KNOWN.sequences[KNOWN.ids[0]])]
    [call] = query_index(path, twin, settings=QuerySettings(k=50, exclude_identical=True))
    assert KNOWN.ids[0] not in {hit.id for hit in call.hits}
    assert len(call.hits) == 50
    assert call.name == species(KNOWN.ids[0])
