"""Corpora: lossless shards, clusters that stay together, fragments by number."""

from __future__ import annotations

import gzip
import json
import os
import shutil
import signal
import subprocess
import sys
import tracemalloc
from collections import Counter
from itertools import combinations, islice
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from genome_index.errors import InputError, UsageError
from genome_index.index.store.sketches import containment, hash_sketch
from genome_index.io.reader import iter_genomes
from genome_index.io.sequence import reverse_complement
from genome_index.lab.corpus.build import CorpusSummary, build_corpus
from genome_index.lab.corpus.packing import (
    bases_of,
    canonical_digest,
    codes_of,
    other_strand,
    pack,
    runs_of_other,
    unpack,
)
from genome_index.lab.corpus.relatives import IDENTITY, SPEC, WINDOW, SketchFile
from genome_index.lab.corpus.sampling import Fragment, stacked
from genome_index.lab.corpus.shards import Shards, ShardWriter
from genome_index.lab.corpus.split import PARTS, Split, SplitPlan, Subject, make_split
from genome_index.records import Contig, Genome

ROOT = Path(__file__).parents[2]
HALVES = SplitPlan(seed=3, test=0.3, validation=0.1)


def dna(random: np.random.Generator, length: int) -> bytes:
    return bases_of(random.integers(0, 4, length).astype(np.uint8))


def mutated(random: np.random.Generator, sequence: bytes, share: float) -> bytes:
    codes = codes_of(sequence).copy()
    hit = random.random(len(codes)) < share
    codes[hit] = (codes[hit] + random.integers(1, 4, hit.sum())) % 4
    return bases_of(codes)


@pytest.fixture(scope="module")
def demo_corpus(demo: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A corpus of the demo collection, in several shards. It is shared: read it, or copy it."""
    return made(demo, tmp_path_factory.mktemp("corpus") / "demo").path


def made(demo: Path, out: Path, split: SplitPlan = HALVES) -> CorpusSummary:
    taxonomy = demo / "taxonomy.tsv"
    return build_corpus([str(demo / "genomes")], out, taxonomy, licence="CC0", split=split, shard_bp=200_000)


def files_of(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


def normal(sequence: bytes) -> bytes:
    """What is kept of letters, letter by letter."""
    upper = sequence.upper().replace(b"U", b"T")
    return bytes(letter if letter in b"ACGT" else ord("N") for letter in upper)


# -- shards --------------------------------------------------------------------------------------------------


@settings(deadline=None)  # the first call compiles
@given(
    sequence=st.text("ACGTACGTNRacgu", max_size=50).map(str.encode), cut=st.tuples(*[st.integers(0, 50)] * 2)
)
def test_packing_loses_no_base(sequence: bytes, cut: tuple[int, int]) -> None:
    codes = codes_of(sequence)
    assert bases_of(codes) == normal(sequence)
    assert bases_of(other_strand(codes)) == normal(reverse_complement(normal(sequence)))
    start, end = sorted(min(at, len(sequence)) for at in cut)
    runs = runs_of_other(codes)
    back = unpack(pack(codes), start, end)
    for run_start, run_end in runs.tolist():
        back[max(0, run_start - start) : max(0, run_end - start)] = 4
    assert bases_of(back) == normal(sequence)[start:end]
    assert all(left[1] < right[0] for left, right in zip(runs.tolist(), runs[1:].tolist(), strict=False))


def test_a_genome_is_the_same_on_either_strand_and_in_any_order_of_contigs() -> None:
    one, other = codes_of(b"ACGTTTN"), codes_of(b"GGGA")
    digest = canonical_digest([one, other])
    assert canonical_digest([other, other_strand(one)]) == digest
    assert canonical_digest([one, other_strand(other)]) == digest
    assert canonical_digest([np.concatenate([one, other])]) != digest


def test_shards_hold_what_the_files_hold(demo: Path, demo_corpus: Path) -> None:
    shards = Shards.open(demo_corpus)
    read = {one.id: one for one in iter_genomes([demo / "genomes"]) if isinstance(one, Genome)}
    assert len(list(demo_corpus.glob("shard-*.bases.npy"))) > 2
    assert len(shards) == 60
    assert not shards.damage()
    for number, one in enumerate(shards.genomes()):
        contigs = [bases_of(codes) for codes in shards.contigs(number)]
        assert contigs == [normal(contig.sequence) for contig in read[one.id].contigs]
        assert bases_of(shards.sequence(number)) == b"".join(contigs)
        assert one.length_bp == read[one.id].length_bp
        assert one.other_bp == sum(contig.count(b"N") for contig in contigs)


def test_n_and_ambiguity_codes_are_n_and_that_is_reported(tmp_path: Path) -> None:
    random = np.random.default_rng(1)
    sequence = dna(random, 600) + b"NNNRYK" + dna(random, 301) + b"n"
    fasta = tmp_path / "one.fa"
    fasta.write_bytes(b">a\n" + sequence + b"\n>b\n" + b"N" * 7 + b"\n>c\n" + dna(random, 10) + b"\n")
    summary = build_corpus([str(fasta)], tmp_path / "out")
    shards = Shards.open(tmp_path / "out")
    assert [bases_of(codes) for codes in shards.contigs(0)][:2] == [normal(sequence), b"N" * 7]
    assert summary.other_bp == shards.genome(0).other_bp == 14
    assert "14 characters that are no base became N." in list(summary.sentences())
    for start, end in ((598, 604), (600, 606), (603, 604), (606, 607), (0, 1), (907, 908)):
        assert bases_of(shards.window(0, start, end)) == normal(sequence)[start:end]


def test_where_a_genome_is_from_is_kept(demo: Path, demo_corpus: Path) -> None:
    one = Shards.open(demo_corpus).genome(0)
    assert one.source == "DEMO_0001.fa.gz"
    assert (one.collection, one.licence) == ("genomes", "CC0")
    assert one.taxonomy.startswith("taxonomy.tsv ")
    assert one.species
    assert one.genus == one.species.split()[0]
    manifest = json.loads((demo_corpus / "manifest.json").read_bytes())
    assert manifest["settings"]["seed"] == 3
    assert list(manifest["settings"]) == [
        "genome_per", "licence", "identity", "sketch_k", "words_sampled", "shard_bp", "seed", "test",
        "validation", "hold_out", "fellow_genera",
    ]  # fmt: skip  # names of format 1
    assert manifest["taxonomy"] == one.taxonomy


def test_the_same_call_gives_the_same_bytes(demo: Path, demo_corpus: Path, tmp_path: Path) -> None:
    made(demo, tmp_path / "again")
    assert files_of(tmp_path / "again") == files_of(demo_corpus)
    other = made(demo, tmp_path / "other", SplitPlan(seed=4, test=0.3, validation=0.1)).path
    differing = {name for name, content in files_of(other).items() if files_of(demo_corpus)[name] != content}
    assert differing == {"genomes.jsonl", "manifest.json", "split.tsv"}


def test_an_index_gives_the_corpus_that_its_files_give(demo: Path, demo_index: Path, tmp_path: Path) -> None:
    from_files = Shards.open(build_corpus([str(demo / "genomes")], tmp_path / "files").path)
    from_index = Shards.open(build_corpus([str(demo_index)], tmp_path / "index").path)
    by_id = {one.id: at for at, one in enumerate(from_index.genomes())}
    assert len(by_id) == len(from_files) == 60
    for number, one in enumerate(from_files.genomes()):
        there = by_id[one.id]
        assert bases_of(from_index.sequence(there)) == bases_of(from_files.sequence(number))
        assert from_index.genome(there).sha256 == one.sha256
        assert from_index.genome(there).species  # the index knows it, the files do not


def test_exact_repeats_are_left_out_on_either_strand_and_that_is_reported(tmp_path: Path) -> None:
    random = np.random.default_rng(2)
    a, b = dna(random, 900), dna(random, 900)
    fasta = tmp_path / "some.fa"
    records = {"a": a, "b": b, "twin": a.lower(), "mirror": reverse_complement(b), "short": b"ACGT"}
    fasta.write_bytes(b"".join(b">%b\n%b\n" % (id.encode(), letters) for id, letters in records.items()))
    table = tmp_path / "names.tsv"
    table.write_text(
        "genome_id\tspecies\na\tHyla arborea\nb\tRana temporaria\nmirror\tBufo bufo\ntwin\tHyla sp.\n"
    )
    summary = build_corpus([str(fasta)], tmp_path / "out", table, "record")
    shards = Shards.open(tmp_path / "out")
    assert [one.id for one in shards.genomes()] == ["a", "b"]
    assert [one.also_named for one in shards.genomes()] == [(), ("Bufo bufo",)]
    assert summary.duplicates == 2
    assert [one.id for one in summary.failures] == ["short"]
    said = (tmp_path / "out" / "left_out.tsv").read_text()
    assert "twin\tsome.fa\tthe same sequence as a\n" in said
    assert "mirror\tsome.fa\tthe same sequence as b\n" in said
    assert "short\tsome.fa\t4 bp is too short" in said


def test_an_id_that_is_used_twice_is_refused_the_second_time(tmp_path: Path) -> None:
    random = np.random.default_rng(5)
    (tmp_path / "one.fa").write_bytes(b">x\n" + dna(random, 700) + b"\n>x\n" + dna(random, 700) + b"\n")
    summary = build_corpus([str(tmp_path / "one.fa")], tmp_path / "out", per="record")
    assert summary.parts["train"] + summary.parts["test"] == 1
    assert "already given" in summary.failures[0].reason


def test_a_shard_is_held_and_no_more(tmp_path: Path) -> None:
    random = np.random.default_rng(3)
    writer, peaks = ShardWriter(tmp_path, shard_bp=100_000), []
    tracemalloc.start()
    try:
        for _ in range(60):
            writer.add([random.integers(0, 4, 20_000).astype(np.uint8)])
            peaks.append(tracemalloc.get_traced_memory()[1])
    finally:
        tracemalloc.stop()
    assert peaks[-1] < 1.3 * peaks[11]  # 12 shards later
    writer.close()
    assert len(list(tmp_path.glob("shard-*.bases.npy"))) == 12


@pytest.mark.parametrize("stage", ["genomes", "relatives"])
def test_a_killed_run_leaves_no_corpus_and_does_no_harm(
    stage: str, demo: Path, demo_corpus: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    code = f"""
import os, signal, sys
sys.path.insert(0, "tests/lab")
from pathlib import Path
from genome_index.lab.corpus import build as corpus
from genome_index.records import quiet
from test_corpus import HALVES
class Killer(type(quiet)):
    def stage(self, name, done, total):
        if name == {stage!r} and (done > 20 or total):
            os.kill(os.getpid(), signal.SIGKILL)
demo = Path({str(demo)!r})
corpus.build_corpus([str(demo / "genomes")], Path({str(out)!r}), demo / "taxonomy.tsv", licence="CC0",
                    split=HALVES, shard_bp=200_000, progress=Killer())
"""
    killed = subprocess.run([sys.executable, "-c", code], cwd=ROOT, env={**os.environ}, check=False)
    assert killed.returncode == -signal.SIGKILL
    with pytest.raises(UsageError, match="no corpus at"):
        Shards.open(out)
    made(demo, out)
    assert files_of(out) == files_of(demo_corpus)
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


def test_damage_is_found(demo_corpus: Path, tmp_path: Path) -> None:
    own = Path(shutil.copytree(demo_corpus, tmp_path / "own"))
    bases = own / "shard-00000.bases.npy"
    whole = bases.read_bytes()
    bases.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
    assert [str(bases) in one for one in Shards.open(own).damage()] == [True]
    bases.write_bytes(whole[:-1])
    with pytest.raises(InputError, match="expected"):
        Shards.open(own)
    bases.write_bytes(whole)
    table = own / "genomes.jsonl"
    table.write_bytes(table.read_bytes().replace(b"train", b"tests", 1))
    with pytest.raises(InputError, match="does not match its checksum; build the corpus again"):
        Shards.open(own)


def test_what_cannot_be_done_is_reported(demo: Path, demo_corpus: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="exists; remove it"):
        made(demo, demo_corpus)
    with pytest.raises(UsageError, match=r"--hold-out genome: .*did you mean 'genomes'"):
        made(demo, tmp_path / "out", SplitPlan(hold_out=("genome",)))
    assert not list(tmp_path.iterdir())
    with pytest.raises(UsageError, match="no genome could be read"):
        build_corpus([str(tmp_path / "none.fa")], tmp_path / "out")
    for wrong in ({"test": 1.0}, {"validation": -0.1}, {"test": 0.6, "validation": 0.5}, {"seed": -1}):
        with pytest.raises(UsageError, match="give"):
            SplitPlan(**wrong)
    shards = Shards.open(demo_corpus)
    with pytest.raises(UsageError, match="room for one fragment of 9,000,000 bp"):
        shards.fragments("train", 9_000_000, 0)
    with pytest.raises(UsageError, match="not in this split of 60 genomes"):
        shards.split.part_of("nobody")


# -- clusters ------------------------------------------------------------------------------------------------


def families(seed: int, many: int = 6) -> list[Genome]:
    """Genomes at all distances from each other, about the bound; some are a part of another."""
    random = np.random.default_rng(seed)
    found = []
    for family in range(many):
        root = dna(random, int(random.integers(2_000, 6_000)))
        for share in (0, 0.01, 0.04, 0.055, 0.06, 0.065, 0.08):
            letters = mutated(random, root, share)
            letters = letters[: len(letters) // 3] if random.random() < 0.2 else letters
            found.append(Genome(f"g{family}_{share}", (Contig("c", letters),), "made"))
    return found


def dull_groups(genomes: list[Genome]) -> list[set[int]]:
    """All pairs by the core's own measure, joined until nothing changes."""
    words = [hash_sketch(one, SPEC) for one in genomes]
    densities = (SPEC.small_scaled, SPEC.large_scaled)
    limits = [2**64 // densities[one.length_bp > SPEC.small_bp] for one in genomes]
    groups = [{at} for at in range(len(genomes))]
    for a, b in combinations(range(len(genomes)), 2):
        limit = np.uint64(min(limits[a], limits[b]))
        if containment(words[a], words[b], limit) >= IDENTITY**SPEC.sketch_k:
            joined = next(one for one in groups if a in one) | next(one for one in groups if b in one)
            groups = [one for one in groups if not one & joined] + [joined]
    return sorted(groups, key=min)


def found_groups(genomes: list[Genome], path: Path, window: int = WINDOW) -> list[set[int]]:
    with SketchFile(path) as sketches:
        for one in genomes:
            sketches.add(one)
        numbers, _ = sketches.groups(window=window)
    return sorted(({*np.flatnonzero(numbers == one).tolist()} for one in set(numbers.tolist())), key=min)


@pytest.mark.parametrize("seed", range(4))
def test_groups_of_relatives_are_those_of_all_pairs(seed: int, tmp_path: Path) -> None:
    genomes = families(seed)
    expected = dull_groups(genomes)
    assert found_groups(genomes, tmp_path / "words") == expected
    assert 6 < len(expected) < len(genomes)  # some are related, and some of a family are not


def test_small_and_large_genomes_are_compared_at_the_density_of_the_large(tmp_path: Path) -> None:
    random = np.random.default_rng(8)
    large = dna(random, SPEC.small_bp + 100_000)
    pieces = [large[:60_000], mutated(random, large[100_000:190_000], 0.03), dna(random, 60_000)]
    genomes = [Genome(str(at), (Contig("c", one),), "made") for at, one in enumerate([*pieces, large])]
    assert found_groups(genomes, tmp_path / "words") == dull_groups(genomes) == [{0, 1, 3}, {2}]


def test_a_sample_of_the_kmers_finds_clear_relatives(tmp_path: Path) -> None:
    random = np.random.default_rng(9)
    roots = [dna(random, 15_000) for _ in range(5)]
    letters = [one for root in roots for one in (root, mutated(random, root, 0.01))]
    with SketchFile(tmp_path / "words") as sketches:
        for at, one in enumerate(letters):
            sketches.add(Genome(str(at), (Contig("c", one),), "made"))
        numbers, sampled = sketches.groups(most_kmers=3_000)
    assert numbers.tolist() == [0, 0, 2, 2, 4, 4, 6, 6, 8, 8]
    assert sampled == 64


def test_many_copies_of_one_virus_stay_together(tmp_path: Path) -> None:
    random = np.random.default_rng(10)
    root = dna(random, 3_000)
    genomes = [Genome(str(at), (Contig("c", mutated(random, root, 0.002)),), "made") for at in range(60)]
    assert found_groups(genomes, tmp_path / "words", window=8) == [set(range(60))]
    assert len(found_groups(genomes, tmp_path / "words", window=0)) == 60  # it does what it is there for


def test_no_test_genome_has_a_relative_in_train(tmp_path: Path) -> None:
    random = np.random.default_rng(11)
    genomes = families(12, many=12)
    fasta = tmp_path / "some.fa"
    fasta.write_bytes(b"".join(b">%b\n%b\n" % (one.id.encode(), one.contigs[0].sequence) for one in genomes))
    table = tmp_path / "names.tsv"
    names = {one.id: f"Hyla {'abcdefghijklmnopqrstuvwxyz'[random.integers(26)]}us" for one in genomes[::4]}
    table.write_text("genome_id\tspecies\n" + "".join(f"{id}\t{name}\n" for id, name in names.items()))
    words = {one.id: hash_sketch(one, SPEC) for one in genomes}
    limit, seen = np.uint64(2**64 - 1), Counter[str]()
    for seed in range(4):
        out = tmp_path / str(seed)
        build_corpus([str(fasta)], out, table, "record", split=SplitPlan(seed, 0.3, 0.1))
        shards = Shards.open(out)
        for a, b in combinations(shards.genomes(), 2):
            if shards.split.part_of(a.id) != shards.split.part_of(b.id):
                assert containment(words[a.id], words[b.id], limit) < IDENTITY**SPEC.sketch_k
                assert a.species is None or a.species != b.species
                assert a.cluster != b.cluster
        seen.update(one.part for one in shards.genomes())
    assert min(seen[part] for part in PARTS) > 10


subjects_drawn = st.lists(
    st.tuples(st.integers(0, 25), st.integers(0, 6), st.sampled_from(("virus", "mito", "dengue"))),
    min_size=1, max_size=60,
)  # fmt: skip


def drawn_subjects(drawn: list[tuple[int, int, str]]) -> list[Subject]:
    """Of 26 species in 7 genera; the first species of each is none, a name that stands for nothing."""
    return [
        Subject(f"g{at}", f"d{at}", collection, (f"s{species}",) if species else (), (f"genus{species % 7}",))
        for at, (species, _, collection) in enumerate(drawn)
    ]


@settings(max_examples=150, deadline=None)
@given(drawn=subjects_drawn, seed=st.integers(0, 2**64 - 1), fellows=st.booleans(), held=st.booleans())
def test_clusters_never_span_parts(
    drawn: list[tuple[int, int, str]], seed: int, fellows: bool, held: bool
) -> None:
    subjects = drawn_subjects(drawn)
    groups = np.array([max(0, at - of) if of < 2 else at for at, (_, of, _) in enumerate(drawn)], np.int64)
    collection = drawn[0][2]
    plan = SplitPlan(seed, 0.3, 0.2, (collection,) if held else (), fellows)
    split = make_split(subjects, groups, plan)
    assert make_split(subjects, groups, plan) == split
    parts_of: dict[object, set[str]] = {}
    for at, one in enumerate(subjects):
        for key in (
            split.clusters[one.id],
            one.species[0] if one.species else one.id,
            subjects[groups[at]].id,
        ):
            parts_of.setdefault(key, set()).add(split.part_of(one.id))
        parts_of.setdefault(one.id, set()).add(split.part_of(one.id))
        if held and one.collection == collection:
            assert split.part_of(one.id) == "test"
    assert all(len(parts) == 1 for parts in parts_of.values())
    if not held:
        assert len(split.of_part("test")) <= round(0.3 * len(subjects))
        assert len(split.of_part("validation")) <= round(0.2 * len(subjects))
        if fellows:
            train = {genus for one in subjects if split.part_of(one.id) == "train" for genus in one.genera}
            assert {genus for one in subjects for genus in one.genera} == train


def test_shares_are_those_of_the_plan_for_and_do_not_hang_on_the_order() -> None:
    subjects = [Subject(f"g{at}", f"d{at}", "c", (f"s{at // 3}",), ()) for at in range(900)]
    split = make_split(subjects, np.arange(900), SplitPlan(seed=5))
    assert [len(split.of_part(part)) for part in PARTS] == [675, 45, 180]
    turned = make_split(subjects[::-1], np.arange(900), SplitPlan(seed=5))
    assert dict(turned.parts) == dict(split.parts)
    assert make_split(subjects, np.arange(900), SplitPlan(seed=6)).parts != split.parts


def test_names_of_repeats_that_were_left_out_join_clusters_too() -> None:
    subjects = [
        Subject("a", "1", "c", ("Hyla arborea", "Bufo bufo"), ()),
        Subject("b", "2", "c", ("Bufo bufo",), ()),
        Subject("c", "3", "c", (), ()),
    ]
    assert list(make_split(subjects, np.arange(3), SplitPlan()).clusters.values()) == [0, 0, 1]


def test_a_split_is_the_same_when_it_is_read_again(demo_corpus: Path, tmp_path: Path) -> None:
    split = Split.read(demo_corpus / "split.tsv")
    split.write(tmp_path / "again.tsv")
    assert Split.read(tmp_path / "again.tsv") == split
    assert {one.id: one.part for one in Shards.open(demo_corpus).genomes()} == split.parts
    (tmp_path / "again.tsv").write_text("genome_id\tpart\tcluster\tsha256\na\ttrial\t0\tx\n")
    with pytest.raises(InputError, match="not a split"):
        Split.read(tmp_path / "again.tsv")


def test_a_virus_that_is_held_out_has_no_relative_in_train(shared_genomes: Path, tmp_path: Path) -> None:
    fasta = tmp_path / "viruses.fa.gz"
    tables = [(shared_genomes / f"{name}.tsv").read_text().splitlines() for name in ("virus", "dengue")]
    (tmp_path / "names.tsv").write_text("\n".join([*tables[0], *tables[1][1:]]) + "\n")
    with gzip.open(shared_genomes / "virus.fa.gz") as file:  # every fourth record, which is of every kind
        records = file.read().split(b">")[1::4]
    with gzip.open(shared_genomes / "dengue.fa.gz") as file:
        records += file.read().split(b">")[1::40]  # some of the held-out, under another collection's name
    fasta.write_bytes(gzip.compress(b"".join(b">" + one for one in records), 1))
    out = tmp_path / "out"
    build_corpus(
        [str(fasta), str(shared_genomes / "dengue.fa.gz")], out, tmp_path / "names.tsv", "record",
        split=SplitPlan(hold_out=("dengue",)),
    )  # fmt: skip
    shards = Shards.open(out)
    held = [one for one in shards.genomes() if one.species == "Dengue virus"]
    assert {one.collection for one in held} == {"dengue", "viruses"}
    assert {one.part for one in held} == {"test"}
    assert len(shards.genomes("train")) > 100


# -- fragments -----------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def contigs_corpus(tmp_path_factory: pytest.TempPathFactory) -> Shards:
    """Three genomes of one species, one of another, of several contigs each, with N; all are in train."""
    random = np.random.default_rng(20)
    folder = tmp_path_factory.mktemp("contigs")
    lengths = {
        "a": (300, 211, 90),
        "b": (700,),
        "c": (100, 199, 299),
        "d": (200, 450),
        "tight": (99, 200, 300),
    }
    for name, contigs in lengths.items():
        letters = [dna(random, length) for length in contigs]
        letters[-1] = letters[-1][:-30] + b"N" * 20 + letters[-1][-10:]
        records = (b">%d\n%b\n" % (at, one) for at, one in enumerate(letters))
        (folder / f"{name}.fa").write_bytes(b"".join(records))
    table = folder / "names.tsv"
    rows = [("a", "Hyla arborea"), ("b", "Hyla arborea"), ("c", "Hyla arborea"), ("d", "Bufo bufo")]
    table.write_text("genome_id\tspecies\n" + "".join(f"{id}\t{name}\n" for id, name in rows))
    paths = [str(folder / f"{name}.fa") for name in lengths]
    build_corpus(paths, folder / "out", table, "file", split=SplitPlan(test=0, validation=0))
    return Shards.open(folder / "out")


def place_of(shards: Shards, fragment: Fragment) -> tuple[int, int]:
    """The contig a fragment is of, and its start there; raise unless it is that very stretch, on a strand."""
    start = fragment.start
    for at, codes in enumerate(shards.contigs(fragment.genome)):
        if start < len(codes):
            stretch = codes[start : start + len(fragment.codes)]
            strands = (stretch.tolist(), other_strand(stretch).tolist())
            assert fragment.codes.tolist() in strands
            return at, start
        start -= len(codes)
    raise AssertionError(fragment.start)


@pytest.mark.parametrize("length", [1, 90, 100, 211, 700])
def test_fragments_are_stretches_of_one_contig(length: int, contigs_corpus: Shards) -> None:
    for fragment in islice(contigs_corpus.fragments("train", length, seed=1), 200):
        assert len(fragment.codes) == length
        assert fragment.species == contigs_corpus.species[fragment.genome]
        place_of(contigs_corpus, fragment)


@pytest.mark.long
def test_every_window_and_both_strands_come_up(contigs_corpus: Shards) -> None:
    drawn = list(islice(contigs_corpus.fragments("train", 200, seed=2, temperature=1), 20_000))
    of_a = [one for one in drawn if contigs_corpus.genome(one.genome).id == "a"]
    starts = Counter(one.start for one in of_a)
    assert set(starts) == {*range(101), *range(300, 312)}
    assert max(starts.values()) < 4 * min(starts.values()) + 40
    forward = sum(
        one.codes.tolist() == contigs_corpus.sequence(one.genome)[one.start : one.start + 200].tolist()
        for one in drawn
    )
    assert 0.47 < forward / len(drawn) < 0.53


def test_fragments_go_on_where_they_were(contigs_corpus: Shards) -> None:
    for make in (contigs_corpus.fragments, contigs_corpus.pairs):
        whole = make("train", 60, seed=9)
        first = [str(one) for one in islice(whole, 50)]
        later = make("train", 60, seed=9, position=30)
        assert [str(one) for one in islice(later, 20)] == first[30:]
        assert later.position == 50
        later.position = 3
        assert str(next(later)) == str(whole.at(3)) == first[3]
        assert [str(one) for one in islice(make("train", 60, seed=10), 50)] != first


def test_a_fragment_stays_what_it_was_in_every_version(contigs_corpus: Shards) -> None:
    drawn = [contigs_corpus.fragments("train", 60, seed=9).at(n) for n in (0, 1, 2**40)]
    assert [(one.genome, one.start) for one in drawn] == GOLDEN


@pytest.mark.parametrize(("temperature", "expected"), [(0, 1 / 3), (0.5, 0.464), (1, 0.6)])
def test_species_come_up_by_their_genomes_to_the_power_of_the_temperature(
    temperature: float, expected: float, contigs_corpus: Shards
) -> None:
    fragments = contigs_corpus.fragments("train", 60, seed=4, temperature=temperature)
    counts = Counter(one.genome for one in islice(fragments, 6_000))
    assert sum(counts[at] for at in range(3)) / 6_000 == pytest.approx(expected, abs=0.025)
    assert counts[0] == pytest.approx(counts[1], rel=0.15)
    assert max(fragments.balance.shares) == pytest.approx(expected, abs=1e-3)


@pytest.mark.parametrize("length", [30, 99, 100, 150])
def test_pairs_of_a_genome_do_not_overlap(length: int, contigs_corpus: Shards) -> None:
    places = Counter[object]()
    for one, other in islice(contigs_corpus.pairs("train", length, seed=5), 500):
        assert one.genome == other.genome
        (contig, start), (other_contig, there) = (place_of(contigs_corpus, each) for each in (one, other))
        assert contig != other_contig or abs(start - there) >= length
        places[contig == other_contig, start < there] += 1
    assert len(places) == 4


def test_a_genome_with_room_for_just_two_gives_both_ends(contigs_corpus: Shards) -> None:
    starts = {
        (one.start, other.start)
        for one, other in islice(contigs_corpus.pairs("train", 350, seed=6), 40)
        if contigs_corpus.genome(one.genome).id == "b"
    }
    assert starts == {(0, 350), (350, 0)}


def test_pairs_of_a_species_are_of_two_genomes_where_it_has_two(contigs_corpus: Shards) -> None:
    seen = set()
    for one, other in islice(contigs_corpus.pairs("train", 200, seed=7, of_species=True), 400):
        assert one.species == other.species
        assert (one.genome != other.genome) == (contigs_corpus.genome(one.genome).species == "Hyla arborea")
        place_of(contigs_corpus, one)
        place_of(contigs_corpus, other)
        seen.add((contigs_corpus.genome(one.genome).id, contigs_corpus.genome(other.genome).id))
    assert len(seen) == 8  # six of Hyla, and two genomes with themselves


def test_fragments_are_of_their_part_only(demo_corpus: Path) -> None:
    shards = Shards.open(demo_corpus)
    for part in PARTS:
        drawn = {one.genome for one in islice(shards.fragments(part, 500, seed=1), 400)}
        assert {shards.genome(number).part for number in drawn} == {part}
        assert len(drawn) == len(shards.numbers(part))


def test_a_batch_is_its_fragments(contigs_corpus: Shards) -> None:
    drawn = list(islice(contigs_corpus.fragments("train", 60, seed=1), 8))
    genomes, species, codes = stacked(drawn)
    assert (genomes.shape, species.shape, codes.shape) == ((8,), (8,), (8, 60))
    assert codes[3].tolist() == drawn[3].codes.tolist()
    assert (int(genomes[3]), int(species[3])) == drawn[3][:2]


GOLDEN = [(1, 356), (1, 60), (2, 449)]
