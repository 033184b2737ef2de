"""Released causal model of mitogenomes: its size, its card, and its bits a base on real genomes."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest
from helpers.fasta import Gindex, write_records

pytest.importorskip("torch", reason="the extra neural is not installed")
pytest.importorskip("safetensors", reason="the extra neural is not installed")

from genome_index.encoders.checkpoint import CARD, CONFIG, SAVED_TOKENIZER
from genome_index.lab.likelihood.causal_model import RELEASED, open_causal

NAME = "mito-causal"
HELD_OUT = ("NC_006301.1", "NC_015791.1")  # of the test part: none of its relatives was in training
RANDOM_BP = 6_000


def bits_of(output: str) -> float:
    """The bits a base of all windows of `gindex lab score`."""
    rows = list(csv.DictReader(output.splitlines(), delimiter="\t"))
    bases = [int(row["bases"]) for row in rows]
    return float(np.average([float(row["bits_per_base"]) for row in rows], weights=bases))


def test_it_weighs_less_than_20_mb_and_its_card_says_what_it_is_good_for() -> None:
    folder = RELEASED / NAME
    assert {path.name for path in folder.iterdir()} == {CARD, CONFIG, SAVED_TOKENIZER, "model.safetensors"}
    assert sum(path.stat().st_size for path in folder.iterdir()) < 20e6
    card = (folder / CARD).read_text()
    for word in ("license: mit", "gindex lab pretrain", "Limits", "held out", "context tree", "order 12"):
        assert word in card
    config = open_causal(NAME).network.config
    assert (config.layers, config.width, config.causal) == (4, 256, True)


@pytest.mark.long
def test_it_foretells_mitogenomes_that_it_has_not_read_and_no_random_sequence(
    shared_genomes: Path, tmp_path: Path, gindex: Gindex
) -> None:
    real = write_records(shared_genomes / "mito.fa.gz", dict.fromkeys(HELD_OUT), tmp_path / "real.fa")
    random = tmp_path / "random.fa"
    bases = np.random.default_rng(0).choice(list("ACGT"), RANDOM_BP)
    random.write_text(f">random\n{''.join(bases)}\n")
    command = ("--model", NAME, "--strands", "forward")
    scored = [gindex("lab", "score", path, *command) for path in (real, random)]
    assert all(done.exit_code == 0 for done in scored), scored[0].output
    mitogenomes, noise = (bits_of(done.stdout) for done in scored)
    assert mitogenomes < 1.9
    assert noise > 2.0
