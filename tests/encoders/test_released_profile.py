"""Released profile encoder: its size, its dependencies, and its accuracy on real genomes."""

from __future__ import annotations

import csv
import subprocess
import sys
from pathlib import Path

import pytest
from helpers.fasta import Gindex, write_records

from genome_index.encoders import PROFILE, open_encoder, spec_for
from genome_index.encoders.profile import CARD, RELEASED, WEIGHTS
from genome_index.encoders.spectrum import Spectrum
from genome_index.evaluate.retrieval import evaluate_retrieval
from genome_index.evaluate.retrieval_queries import WHOLE, RetrievalPlan
from genome_index.index.index import Index
from genome_index.spec import NO_PROJECTION, IndexSpec

ASKED, OTHERS = 80, 200  # mitogenomes that are asked about, and those that only answer


def parts() -> dict[str, str]:
    with (RELEASED / "split.tsv").open() as lines:
        return {row["genome_id"]: row["part"] for row in csv.DictReader(lines, delimiter="\t")}


def test_it_weighs_less_than_20_mb_and_its_card_says_how_it_was_made() -> None:
    files = {path.name for path in RELEASED.iterdir()}
    assert files == {CARD, WEIGHTS, "README.md", "split.tsv"}
    assert sum(path.stat().st_size for path in RELEASED.iterdir()) < 20e6
    card = (RELEASED / "README.md").read_text()
    for word in ("gindex lab corpus", "gindex lab fit", "licence", "Limits", "held out"):
        assert word in card


@pytest.mark.long
def test_it_is_chosen_by_its_name_and_needs_no_torch(demo: Path, tmp_path: Path) -> None:
    spec = spec_for("profile")
    assert (spec.encoder, spec.model, spec.dim, spec.whitening) == (PROFILE, "", NO_PROJECTION, 0.0)
    code = (
        "import sys; from gindex_cli import app; "
        f"app(['build', {str(demo / 'genomes')!r}, '--index', {str(tmp_path / 'index')!r}, "
        "'--encoder', 'profile'], standalone_mode=False); "
        "assert not {'torch', 'transformers'} & set(sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert Index.open(tmp_path / "index").spec.encoder_version == open_encoder(spec).version


@pytest.fixture(scope="module")
def mitogenomes(
    shared_genomes: Path, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, Path, set[str]]:
    """A FASTA of mitogenomes, their taxonomy, and the test genomes among them with a mate of their genus."""
    folder, split = tmp_path_factory.mktemp("mito"), parts()
    with (shared_genomes / "mito.tsv").open() as lines:
        rows = [row for row in csv.DictReader(lines, delimiter="\t") if row["genus"] and row["species"]]
    rows = [row for row in rows if row["genome_id"] in split and 14_000 < int(row["length"]) < 20_000]
    genera: dict[str, list[dict[str, str]]] = {}
    for row in rows:
        genera.setdefault(row["genus"], []).append(row)
    asked, wanted = set[str](), dict[str, None]()
    for fellows in genera.values():
        own = next((row for row in fellows if split[row["genome_id"]] == "test"), None)
        fellow = own and next((row for row in fellows if row["species"] != own["species"]), None)
        if own and fellow and len(asked) < ASKED:
            asked.add(own["genome_id"])
            wanted |= dict.fromkeys([own["genome_id"], fellow["genome_id"]])
    wanted |= dict.fromkeys([row["genome_id"] for row in rows[:: len(rows) // OTHERS]])
    fasta = write_records(shared_genomes / "mito.fa.gz", wanted, folder / "mito.fa")
    return fasta, shared_genomes / "mito.tsv", asked


@pytest.mark.long
def test_it_finds_genera_of_unseen_species_better_than_the_spectrum(
    mitogenomes: tuple[Path, Path, set[str]], tmp_path: Path, gindex: Gindex
) -> None:
    fasta, taxonomy, asked = mitogenomes
    for name in ("profile", "spectrum"):
        chosen = ("--encoder", name, "--index", tmp_path / name)
        done = gindex("build", fasta, "--taxonomy", taxonomy, "--genome-per", "record", *chosen)
        assert done.exit_code == 0, done.output
    indexes = [Index.open(tmp_path / name) for name in ("profile", "spectrum")]
    plan = RetrievalPlan((1000, WHOLE), only=frozenset(asked), rank="genus")
    short, whole = evaluate_retrieval(*indexes[:1], plan, indexes[1]).results
    assert short.queries == whole.queries > 0.9 * ASKED  # some species' names stand for none
    assert short.accuracy.value >= 60  # 69 among all mitogenomes, and here are few
    assert short.difference is not None
    assert short.difference.value >= 50
    assert whole.difference is not None
    assert whole.difference.value >= -5


def test_the_spectrum_is_still_what_is_taken_by_default() -> None:
    assert isinstance(open_encoder(IndexSpec()), Spectrum)
