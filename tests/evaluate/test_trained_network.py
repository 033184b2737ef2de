"""gindex compare on a real trained network: SemiBin's pretrained encoders, from its wheel."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("SemiBin", reason="SemiBin is not installed: pip install semibin")

from helpers import semibin  # after the skips
from SemiBin.generate_kmer import generate_kmer_features_from_fasta
from SemiBin.semi_supervised_model import model_load

from genome_index.encoders import ENCODERS, spec_for
from genome_index.evaluate.comparison import compare
from genome_index.evaluate.comparison.compare import compare_encoders
from genome_index.evaluate.comparison.inputs import compared_names
from genome_index.evaluate.comparison.repeated_folds import Names, right_shares
from genome_index.evaluate.comparison.rows import mean_share
from genome_index.evaluate.comparison.similarities import as_they_come, whitened
from genome_index.io.reader import iter_genomes
from genome_index.records import Genome
from genome_index.taxonomy.matching import match
from genome_index.taxonomy.tables import read_taxonomy


@pytest.fixture(scope="module")
def collection(demo) -> tuple[list[Genome], Names]:
    genomes = list(iter_genomes([demo / "genomes"], "file"))
    matches = match([genome.id for genome in genomes], read_taxonomy(demo / "taxonomy.tsv"))
    return genomes, compared_names(genomes, matches, [])[0]


def published(genomes: list[Genome], environment: str, folder: Path) -> np.ndarray:
    """Embeddings by SemiBin's own code: its features of FASTA, its network."""
    lines = [
        f">{genome.id}\n{b'N'.join(each.sequence for each in genome.contigs).decode()}\n"
        for genome in genomes
    ]
    (folder / "genomes.fa").write_text("".join(lines))
    table = generate_kmer_features_from_fasta(str(folder / "genomes.fa"), 0, 4)
    network = model_load(str(semibin.weights_file(environment)), torch.device("cpu")).eval()
    with torch.no_grad():
        return network.embedding(torch.tensor(table.values).float()).numpy()


def test_the_wheel_has_a_network_for_each_environment() -> None:
    assert semibin.models() == [
        "built_environment", "cat_gut", "chicken_caecum", "dog_gut", "global", "human_gut", "human_oral",
        "mouse_gut", "ocean", "pig_gut", "soil", "wastewater",
    ]  # fmt: skip


@pytest.mark.parametrize("environment", ["global", "human_gut", "soil"])
def test_vectors_are_those_of_the_published_code(collection, environment, tmp_path) -> None:
    genomes = collection[0][:6]
    network = semibin.SemiBin(environment)
    found = network.features(network.encode(genomes))
    assert found.shape == (6, 100)
    assert np.abs(found).max() > 0.1
    assert np.abs(found - published(genomes, environment, tmp_path)).max() <= 2e-6


def test_a_trained_network_is_a_row_beside_the_spectrum(collection, monkeypatch) -> None:
    genomes, names = collection
    networks: list[semibin.SemiBin] = []

    def opened(spec, root):
        networks.append(semibin.opened(spec, root))
        return networks[-1]

    monkeypatch.setitem(ENCODERS, semibin.NAME, opened)
    monkeypatch.setattr(compare, "ani_pairs", lambda genomes: {})
    specs = [spec_for("spectrum"), semibin.spec_of("global")]
    spectrum, row = compare_encoders(genomes, names, specs)
    assert [network.read for network in networks] == [60]  # each genome once, for ten seeds
    assert (row.encoder, row.layer, row.pool, row.dim) == ("semibin:global", None, "-", 100)
    network = semibin.SemiBin("global")
    vectors = network.features(network.encode(genomes))
    expected = {
        "accuracy_as_is": right_shares(as_they_come(vectors), names),
        "accuracy_whitened": right_shares(whitened(vectors, 256, 0.5), names),
    }
    for rank in ("genus", "species"):
        for field, shares in expected.items():
            assert getattr(row, field)[rank] == pytest.approx(mean_share(shares[rank]), abs=1e-9), field
        assert row.accuracy[rank] == row.accuracy_whitened[rank]
        low, high = row.difference_interval[rank]
        assert low <= row.accuracy[rank] - spectrum.accuracy[rank] <= high


@pytest.mark.long
def test_on_real_genomes_a_network_for_contigs_loses_to_the_spectrum(shared_genomes, monkeypatch) -> None:
    taxonomy = read_taxonomy(shared_genomes / "mito.tsv")
    lineages = {id_: taxon.lineage for id_, taxon in taxonomy.taxa.items()}
    genera = Counter(lineage.name("genus") for lineage in lineages.values() if lineage.name("species"))
    chosen = set(sorted(str(genus) for genus, count in genera.items() if genus and count > 3)[::8])
    records = iter_genomes([shared_genomes / "mito.fa.gz"], "record")
    genomes = [each for each in records if each.id in lineages and lineages[each.id].name("genus") in chosen]
    names = compared_names(genomes, match([genome.id for genome in genomes], taxonomy), [])[0]
    monkeypatch.setitem(ENCODERS, semibin.NAME, semibin.opened)
    monkeypatch.setattr(compare, "ani_pairs", lambda genomes: {})
    specs = [spec_for("spectrum"), semibin.spec_of("human_gut")]
    spectrum, row = compare_encoders(genomes, names, specs)
    assert spectrum.accuracy["genus"] > 0.9
    assert 0.5 < row.accuracy["genus"] < spectrum.accuracy["genus"] - 0.05
    assert row.difference_interval["genus"][1] < 0  # the interval leaves out zero
