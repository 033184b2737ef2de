"""Windows: chosen before anything is tokenized, and the same as of the whole genome's tokens."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")
tokenizers = pytest.importorskip("tokenizers")
pytest.importorskip("transformers")

from helpers.tiny_model import write_tiny_model

from genome_index.encoders import spec_for
from genome_index.encoders.chunk_grid import Grid, evenly, grid_of
from genome_index.encoders.protocol import Ids, Tokenizer
from genome_index.encoders.tokenizers.folder import CharacterTokenizer
from genome_index.encoders.tokenizers.kmers import BaseTokenizer, KmerTokenizer
from genome_index.encoders.tokenizers.library import NEW_PIECE_BP
from genome_index.encoders.tokenizers.saved import SavedBpe
from genome_index.encoders.tokenizers.sixmers import SixMers
from genome_index.errors import SpecMismatch
from genome_index.io.sequence import reverse_complement
from genome_index.records import Contig, Genome
from genome_index.spec import IndexSpec, Reading


def drawn(length: int, seed: int = 0) -> str:
    return "".join(np.random.default_rng(seed).choice(list("ACGT"), length))


def genome(seed: int) -> Genome:
    """Contigs of several stretches, the longest first, as windows order them."""
    draws = np.random.default_rng(seed)
    lengths = sorted(draws.integers(200, 3_000, int(draws.integers(1, 4))).tolist(), reverse=True)
    contigs = [drawn(length, seed * 10 + at) for at, length in enumerate(lengths)]
    cut = [
        f"{one[: length // 3]}NN{one[length // 3 :]}" for one, length in zip(contigs, lengths, strict=True)
    ]
    return Genome("g", tuple(Contig(str(at), one.encode()) for at, one in enumerate(cut)), "-")


def dull_windows(one: Genome, tokenizer: Tokenizer, most: int, windows: int) -> tuple[list[list[int]], float]:
    """Tokenize everything, cut it, then choose."""
    chosen, read, total = [], 0, 0
    for strand in (0, 1):
        chunks = []
        for contig in one.contigs:
            sequence = reverse_complement(contig.sequence) if strand else contig.sequence
            for stretch in sequence.split(b"NN"):
                ids = tokenizer.token_ids(stretch)
                chunks += np.array_split(ids, -(-len(ids) // most))
        taken = [chunks[at].tolist() for at in evenly(len(chunks), windows)]
        total += sum(map(len, chunks))
        read += sum(map(len, taken))
        chosen += taken
    return chosen, read / total


def counted(tokenizer: Tokenizer, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The bases of each call of a tokenizer, from now on."""
    bases: list[int] = []
    real: Callable[[bytes], Ids] = tokenizer.token_ids

    def token_ids(sequence: bytes) -> Ids:
        bases.append(len(sequence))
        return real(sequence)

    monkeypatch.setattr(tokenizer, "token_ids", token_ids)
    return bases


FIXED = {
    "six-mers": lambda: SixMers(2),
    "k-mers at every base": lambda: KmerTokenizer(4, overlapping=True),
    "bases": BaseTokenizer,
    "characters": lambda: CharacterTokenizer(["<cls>", "<pad>", "<eos>", "A", "C", "G", "T", "N"]),
}


@pytest.mark.parametrize("make", FIXED.values(), ids=FIXED)
@pytest.mark.parametrize("windows", [1, 3, 8, 500])
def test_windows_are_those_of_before_and_nothing_else_is_tokenized(make, windows, monkeypatch) -> None:
    tokenizer = make()
    for seed in range(6):
        one = genome(seed)
        expected, share = dull_windows(one, tokenizer, 17, windows)
        with monkeypatch.context() as patch:
            bases = counted(tokenizer, patch)
            found = grid_of(one, tokenizer, 17, windows)
        assert [ids.tolist() for ids in found.ids] == expected
        assert found.share_read == share
        assert len(bases) == len(found.ids)
        widest = 17 * 6 if isinstance(tokenizer, SixMers) else 17 + 3
        assert max(bases) <= widest


@pytest.fixture(scope="module")
def library() -> tokenizers.Tokenizer:
    found = tokenizers.Tokenizer(tokenizers.models.BPE())
    trainer = tokenizers.trainers.BpeTrainer(vocab_size=500, show_progress=False)
    found.train_from_iterator([drawn(500, seed) for seed in range(100)], trainer)
    return found


def test_byte_pairs_of_before_choose_by_tokens(library) -> None:
    one = genome(3)
    expected, share = dull_windows(one, SavedBpe(library), 40, 3)
    found = grid_of(one, SavedBpe(library), 40, 3)
    assert [ids.tolist() for ids in found.ids] == expected
    assert found.share_read == share


def bases_of(grid: Grid, tokenizer: Tokenizer) -> list[str]:
    return ["".join(tokenizer.names(ids)) for ids in grid.ids]


def test_byte_pairs_in_short_pieces_choose_by_bases(library, monkeypatch) -> None:
    tokenizer = SavedBpe(library, NEW_PIECE_BP)
    one = Genome("g", (Contig("a", drawn(60_000).encode()), Contig("b", drawn(20_000, 1).encode())), "-")
    window = tokenizer.window_bp(200)
    bases = counted(tokenizer, monkeypatch)
    found = grid_of(one, tokenizer, 200, windows=6)
    assert len(found.ids) == 12
    assert max(map(len, found.ids)) <= 200 < 2 * min(map(len, found.ids))
    assert sum(bases) <= 12 * window + 20_000  # and once 20,000 bases, to see how many a token has
    texts = bases_of(found, tokenizer)
    for text, run in zip(texts, found.run.tolist(), strict=True):
        sequence = one.contigs[run // 2].sequence
        assert text.encode() in (reverse_complement(sequence) if run % 2 else sequence)
    assert found.share_read == pytest.approx(sum(map(len, texts)) / 160_000, abs=1e-9)
    assert len({text for text in texts}) == 12


def test_a_window_with_too_many_tokens_is_cut_and_the_share_says_so(library, monkeypatch) -> None:
    tokenizer = SavedBpe(library, NEW_PIECE_BP)
    monkeypatch.setattr(SavedBpe, "window_bp", lambda *_: 1_000)
    one = Genome("g", (Contig("a", drawn(60_000).encode()),), "-")
    found = grid_of(one, tokenizer, 100, windows=4)
    assert {len(ids) for ids in found.ids} == {100}
    assert found.share_read == pytest.approx(sum(map(len, bases_of(found, tokenizer))) / 120_000)


def test_strand_and_order_do_not_change_windows_by_bases(library) -> None:
    tokenizer = SavedBpe(library, NEW_PIECE_BP)
    contigs = [drawn(30_000, 5), drawn(20_000, 6)]
    one, other = (
        grid_of(Genome("g", tuple(Contig(str(at), x) for at, x in enumerate(some)), "-"), tokenizer, 100, 5)
        for some in (
            [contig.encode() for contig in contigs],
            [reverse_complement(contig.encode()) for contig in reversed(contigs)],
        )
    )
    assert sorted(ids.tolist() for ids in one.ids) == sorted(ids.tolist() for ids in other.ids)


def test_a_short_genome_is_read_whole(library) -> None:
    found = grid_of(genome(1), SavedBpe(library, NEW_PIECE_BP), 100, windows=999)
    whole = grid_of(genome(1), SavedBpe(library, NEW_PIECE_BP), 100)
    assert found.share_read == 1.0
    assert sorted(map(bytes, found.ids)) == sorted(map(bytes, whole.ids))


def test_pieces_are_frozen_in_an_index_and_old_ones_do_not_mix(library, tmp_path: Path) -> None:
    folder = write_tiny_model(tmp_path / "model")
    assert spec_for(str(folder)).reading == Reading(precision="float32")  # six-mers: nothing changes
    (folder / "vocab.txt").unlink()
    library.save(str(folder / "tokenizer.json"))
    new = spec_for(str(folder))
    assert new.reading.piece_bp == NEW_PIECE_BP
    values = new.stored()
    del values["reading"]["piece_bp"]  # as a manifest from before
    old = IndexSpec.from_json(values, "old")
    assert old.reading.piece_bp == 0
    assert old.fingerprint() != new.fingerprint()
    with pytest.raises(SpecMismatch, match="piece_bp is 0 in the index but 2000 here"):
        old.require(new, "old")
