"""The demo collection is what its README says: reproducible, small, complete, and as related as its names."""

import csv
import gzip
import itertools
import subprocess
import sys
import zlib
from collections import Counter, defaultdict
from functools import cache
from pathlib import Path

import pyskani
import pytest

from genome_index.records import RANKS

DATA = Path(__file__).parent.parent / "data"
DEMO = DATA / "demo"
COLUMNS = ["genome_id", *RANKS[: RANKS.index("species") + 1], "kind", "habitat"]
FAMILY_GC = {"Demobacteraceae": 0.37, "Fabulimonadaceae": 0.51, "Nusquamiaceae": 0.635}
COMPLEMENT = bytes.maketrans(b"ACGT", b"TGCA")


def taxonomy() -> list[dict[str, str]]:
    with (DEMO / "taxonomy.tsv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file, delimiter="\t"))


def unpacked(path: Path) -> bytes:
    return gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()


@cache
def contigs(path: Path) -> list[bytes]:
    return [b"".join(record.split(b"\n")[1:]) for record in unpacked(path).split(b">")[1:]]


def genome(genome_id: str) -> list[bytes]:
    return contigs(DEMO / "genomes" / f"{genome_id}.fa.gz")


def words(sequence: bytes, k: int = 21) -> set[bytes]:
    return {sequence[at : at + k] for at in range(len(sequence) - k + 1)}


def forward(parts: list[bytes]) -> set[bytes]:
    return set().union(*map(words, parts))


def both_strands(parts: list[bytes]) -> set[bytes]:
    return forward(parts) | forward([part.translate(COMPLEMENT)[::-1] for part in parts])


@pytest.fixture(scope="module")
def database() -> pyskani.Database:
    database = pyskani.Database(compression=30, marker_compression=200)
    for place, row in enumerate(taxonomy()):
        database.sketch(str(place), *genome(row["genome_id"]))
    return database


def hits(database: pyskani.Database, parts: list[bytes]) -> dict[int, tuple[float, float]]:
    """Place of the reference -> ANI and the smaller aligned fraction, in percent."""
    return {
        int(hit.reference_name): (100 * hit.identity, 100 * min(hit.query_fraction, hit.reference_fraction))
        for hit in database.query("0", *parts)
    }


def nearest(database: pyskani.Database, query: str) -> list[tuple[float, dict[str, str]]]:
    rows = taxonomy()
    found = hits(database, contigs(DEMO / query)).items()
    return sorted(((ani, rows[place]) for place, (ani, _) in found), key=lambda hit: -hit[0])


@pytest.fixture(scope="module")
def regenerated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("demo")
    subprocess.run([sys.executable, DATA / "simulate.py", folder], check=True, timeout=120)
    return folder


def files(folder: Path) -> dict[str, Path]:
    return {str(path.relative_to(folder)): path for path in sorted(folder.rglob("*")) if path.is_file()}


@pytest.mark.long
def test_the_script_makes_what_is_committed(regenerated):
    made, kept = files(regenerated), files(DEMO)
    assert sorted(made) == sorted(kept)
    assert [name for name in made if unpacked(made[name]) != unpacked(kept[name])] == []


@pytest.mark.long
@pytest.mark.skipif("ng" in zlib.ZLIB_RUNTIME_VERSION, reason="zlib-ng packs the same text into other bytes")
def test_the_script_packs_to_the_same_bytes(regenerated):
    made, kept = files(regenerated), files(DEMO)
    assert [name for name in made if made[name].read_bytes() != kept[name].read_bytes()] == []


def test_it_is_small():
    sizes = [path.stat().st_size for path in DATA.rglob("*") if path.suffix != ".pyc" and path.is_file()]
    assert 1_000_000 < sum(sizes) < 2_000_000


def test_each_genome_has_one_row_and_each_row_a_genome():
    ids = [row["genome_id"] for row in taxonomy()]
    assert len(ids) == 60
    assert ids == [path.name.removesuffix(".fa.gz") for path in sorted((DEMO / "genomes").iterdir())]


def test_the_taxonomy_is_filled_and_is_a_tree():
    rows = taxonomy()
    assert list(rows[0]) == COLUMNS
    assert all(row[column] for row in rows for column in COLUMNS)
    assert {row["kind"] for row in rows} == {"bacteria"}
    assert all(row["species"].startswith(row["genus"] + " ") for row in rows)
    for parent, child in itertools.pairwise(COLUMNS[1:8]):
        parents = defaultdict(set)
        for row in rows:
            parents[row[child]].add(row[parent])
        assert max(map(len, parents.values())) == 1, child
    counts = [len({row[rank] for row in rows}) for rank in ("family", "genus", "species")]
    assert counts == [3, 8, 26]
    assert set(Counter(row["species"] for row in rows).values()) == {2, 3}


def test_genomes_are_plain_dna_of_the_promised_size():
    for row in taxonomy():
        sequence = b"".join(genome(row["genome_id"]))
        assert set(sequence) == set(b"ACGT"), row["genome_id"]
        assert 60_000 < len(sequence) < 90_000, row["genome_id"]


def test_some_genomes_are_in_pieces():
    pieces = Counter(len(genome(row["genome_id"])) for row in taxonomy())
    assert pieces[1] > 40
    assert sum(pieces.values()) - pieces[1] >= 8


@pytest.mark.long
def test_some_genomes_lie_on_the_other_strand():
    turned = 0
    for _, rows in itertools.groupby(taxonomy(), key=lambda row: row["species"]):
        first, *others = (forward(genome(row["genome_id"])) for row in rows)
        for row_words in others:
            backward = {word.translate(COMPLEMENT)[::-1] for word in row_words}
            turned += len(first & backward) > 2 * len(first & row_words)
    assert 5 <= turned <= 25


def test_composition_follows_the_family():
    for row in taxonomy():
        sequence = b"".join(genome(row["genome_id"]))
        gc = (sequence.count(b"G") + sequence.count(b"C")) / len(sequence)
        assert gc == pytest.approx(FAMILY_GC[row["family"]], abs=0.012), row["genome_id"]


def test_identity_follows_the_names(database):
    rows = taxonomy()
    within, between = [], []  # (ANI, AF) of ordered pairs: of one species, of two of one genus
    for row in rows:
        found = hits(database, genome(row["genome_id"]))
        for place, other in enumerate(rows):
            if other["genus"] != row["genus"]:
                assert place not in found or found[place][0] < 80, (row["genome_id"], other["genome_id"])
            elif other["genome_id"] != row["genome_id"]:
                (within if other["species"] == row["species"] else between).append(found[place])
    assert len(within) == 84
    assert len(between) == 324
    assert min(within)[0] > 97
    assert max(within)[0] < 99.8
    assert min(between)[0] > 83
    assert max(between)[0] < 92
    assert 85 < min(af for _, af in within) < 95  # genes come and go even within a species
    assert 50 < min(af for _, af in between) < 65
    assert 85 < max(af for _, af in between) < 93


def test_families_share_a_little_and_no_more():
    """The rRNA block has words in common wherever two families meet; the rest of the genomes has not."""
    first = {row["family"]: row["genome_id"] for row in reversed(taxonomy())}
    references = [both_strands(genome(genome_id)) for genome_id in first.values()]
    references.append(both_strands(contigs(DEMO / "stranger.fasta")))
    shared = [len(one & other) // 2 for one, other in itertools.combinations(references, 2)]
    assert len(shared) == 6
    assert min(shared) > 20
    assert max(shared) < 1600


def test_the_sample_is_of_a_known_species(database):
    ani, row = nearest(database, "sample.fasta")[0]
    assert 98.2 < ani < 98.9
    assert row["species"] == "Demobacter simulatus"


def test_the_sample_has_one_contig_on_the_other_strand(database):
    _, row = nearest(database, "sample.fasta")[0]
    reference = forward(genome(row["genome_id"]))
    opposite = both_strands(genome(row["genome_id"])) - reference
    along, against = map(words, contigs(DEMO / "sample.fasta"))
    assert len(along & reference) > 2 * len(along & opposite)
    assert len(against & opposite) > 2 * len(against & reference)


def test_the_novel_genome_is_a_new_species_of_a_known_genus(database):
    found = nearest(database, "novel.fasta")
    assert 86 < found[0][0] < 88
    assert {row["genus"] for _, row in found} == {"Specimenella"}
    assert len({row["species"] for _, row in found}) == 4


def test_the_stranger_is_near_to_nothing(database):
    assert nearest(database, "stranger.fasta") == []
