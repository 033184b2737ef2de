"""Training of profile networks on pairs from the demo, and the network in torch and in numpy."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="the extra neural is not installed")
pytest.importorskip("safetensors", reason="the extra neural is not installed")
pytest.importorskip("matplotlib", reason="the extra neural is not installed")

from genome_index.encoders.profile import CARD, WEIGHTS, Profile, ProfileConfig
from genome_index.encoders.profile_network import ProfileNetwork, save_profile
from genome_index.encoders.spectrum import Spectrum
from genome_index.errors import ModelError, UsageError
from genome_index.lab.corpus.packing import codes_of, other_strand
from genome_index.lab.corpus.shards import Shards
from genome_index.lab.pairs.profile_pairs import Pairs, ViewPlan, fragment, kmer_profiles, mutated
from genome_index.lab.training.losses import retrieval_loss
from genome_index.lab.training.run_card import Schedule
from genome_index.lab.training.train_profile import related, train_pairs, train_profile


@pytest.fixture(scope="module")
def corpus(demo_corpus: Path) -> Path:
    return demo_corpus


@pytest.fixture(scope="module")
def trained(corpus: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("model") / "tiny"
    train_profile(corpus, out, "tiny")
    return out


# -- the network --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("hidden", [0, 8])
def test_numpy_reads_what_torch_wrote_and_agrees(tmp_path: Path, hidden: int) -> None:
    torch.manual_seed(1)
    network = ProfileNetwork(ProfileConfig(kmers=30, hidden=hidden, dim=5))
    network(torch.randn(64, 30))  # moves the running mean of the batch norm away from 0
    network.eval()
    save_profile(network, tmp_path)
    rows = torch.randn(7, 30)
    found = Profile.load(tmp_path).apply(rows.numpy())
    np.testing.assert_allclose(found, network(rows).detach().numpy(), atol=1e-6)


def test_the_version_is_of_the_weights(tmp_path: Path) -> None:
    versions = set()
    for seed in range(2):
        torch.manual_seed(seed)
        save_profile(ProfileNetwork(ProfileConfig(kmers=6, dim=2)), tmp_path)
        versions |= {Profile.load(tmp_path).version, Profile.load(tmp_path).version}
    assert len(versions) == 2


@pytest.mark.parametrize(
    ("name", "content"),
    [(WEIGHTS, b"no tensors"), (CARD, b"{"), (CARD, b'{"model_type": "bert"}'), (CARD, b"[]"),
     (CARD, b'{"model_type": "gindex-profile", "words": 7, "dim": 2}')],
)  # fmt: skip
def test_a_damaged_folder_is_reported(tmp_path: Path, name: str, content: bytes) -> None:
    save_profile(ProfileNetwork(ProfileConfig(kmers=6, dim=2)), tmp_path)
    (tmp_path / name).write_bytes(content)
    with pytest.raises(ModelError):
        Profile.load(tmp_path)


# -- views --------------------------------------------------------------------------------------------------


def test_a_strand_does_not_show_in_a_profile(shards: Shards) -> None:
    contig = shards.contigs(0)[0]
    here, there = kmer_profiles([[contig], [other_strand(contig)]])
    np.testing.assert_array_equal(here, there)
    assert np.linalg.norm(here) == pytest.approx(1)


def test_mutation_changes_about_its_share_and_never_to_the_same_base() -> None:
    codes = codes_of(b"ACGTN" * 4000)
    changed = mutated(codes, 0.1, np.random.default_rng(0))
    assert (changed != codes).sum() == pytest.approx(1600, rel=0.1)
    assert ((changed == 4) == (codes == 4)).all()


def test_fragments_are_stretches_of_contigs() -> None:
    contigs, draws = [codes_of(b"AAAAAAAAAC"), codes_of(b"GGG")], np.random.default_rng(0)
    whole = {bytes(contig[at : at + 4]) for contig in contigs for at in range(max(1, len(contig) - 3))}
    assert {bytes(fragment(contigs, 4, draws)) for _ in range(200)} == whole


def test_a_batch_is_of_its_step_and_its_part(shards: Shards) -> None:
    pairs = Pairs(shards, "train", ViewPlan(), 3)
    first, again, other = pairs.batch(5, 8), pairs.batch(5, 8), pairs.batch(6, 8)
    assert all(np.array_equal(a.query, b.query) for a, b in zip(first, again, strict=True))
    assert [one.genome for one in first] != [one.genome for one in other]
    for step in range(20):
        drawn = pairs.batch(step, 8)
        assert len({one.genome for one in drawn}) == len(drawn)
        for one in drawn:
            assert {shards.genome(one.genome).part, shards.genome(one.target).part} == {"train"}
            assert shards.genome(one.genome).genus == shards.genome(one.target).genus


def test_kin_of_the_same_genus_are_marked(shards: Shards) -> None:
    drawn = Pairs(shards, "train", ViewPlan(), 0).batch(0, 12)
    expected = [
        [i != j and a.genus is not None and a.genus == b.genus for j, b in enumerate(drawn)]
        for i, a in enumerate(drawn)
    ]
    assert related(drawn).tolist() == expected


# -- training -----------------------------------------------------------------------------------------------


def test_a_trained_folder_is_an_encoder(corpus: Path, trained: Path, shards: Shards) -> None:
    profile = Profile.load(trained)
    views = [shards.contigs(at) for at in range(3)]
    roots = Spectrum().features(np.random.default_rng(0).integers(0, 5, (4, profile.config.kmers)))
    assert profile.apply(roots).shape == (4, 32)
    np.testing.assert_allclose(np.linalg.norm(profile.apply(kmer_profiles(views)), axis=1), 1, rtol=1e-5)


def test_training_lowers_the_loss_of_one_batch(shards: Shards, tmp_path: Path) -> None:
    pairs = Pairs(shards, "train", ViewPlan(), 0)
    drawn = pairs.batch(1000, 12)  # of a step that is not reached
    views = [[one.query] for one in drawn] + [shards.contigs(one.target) for one in drawn]
    rows = torch.from_numpy(kmer_profiles(views))
    torch.manual_seed(0)
    network = ProfileNetwork(ProfileConfig(dim=16))

    def loss() -> float:
        with torch.no_grad():
            return float(retrieval_loss(*network(rows).chunk(2), related(drawn)))

    before = loss()
    plan = Schedule(steps=10, rate=1e-3)
    train_pairs(tmp_path, network, lambda views: torch.from_numpy(kmer_profiles(views)), pairs, plan, 12)
    assert loss() < 0.7 * before


def test_an_unknown_size_is_refused(corpus: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="--size huge: choose tiny"):
        train_profile(corpus, tmp_path, "huge")
