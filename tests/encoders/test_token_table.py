"""gindex embed --show-tokens: ids, mask and text of each chunk, by the tokenizer alone."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("transformers")
tokenizers = pytest.importorskip("tokenizers")

from helpers.tiny_model import write_tiny_model

from genome_index.encoders import open_encoder, token_spec
from genome_index.encoders.chunk_grid import grid_of, spans
from genome_index.encoders.embedding.token_table import TokenRow
from genome_index.encoders.networks import loader
from genome_index.encoders.protocol import Layout
from genome_index.encoders.tokenizers.folder import CharacterTokenizer
from genome_index.encoders.tokenizers.kmers import BaseTokenizer, KmerTokenizer
from genome_index.encoders.tokenizers.saved import SavedBpe
from genome_index.encoders.tokenizers.sixmers import SixMers
from genome_index.io.sequence import reverse_complement
from genome_index.pipeline import show_tokens
from genome_index.records import Contig, Genome
from genome_index.spec import IndexSpec, Reading

torch.set_num_threads(1)

FORWARD = "ACGTTGCATTAGACCAGTACCATG"  # 24 bases, four six-mers


def drawn(length: int, seed: int = 0) -> str:
    return "".join(np.random.default_rng(seed).choice(list("ACGT"), length))


def bpe() -> tokenizers.Tokenizer:
    library = tokenizers.Tokenizer(tokenizers.models.BPE())
    trainer = tokenizers.trainers.BpeTrainer(vocab_size=300, show_progress=False)
    library.train_from_iterator([drawn(200, seed) for seed in range(50)], trainer)
    return library


def test_a_row_is_what_the_model_gets(tmp_path: Path) -> None:
    folder = write_tiny_model(tmp_path / "model")
    one = Genome("g", (Contig("c1", f"NN{FORWARD}AC".encode()), Contig("c2", drawn(2000).encode())), "-")
    spec = token_spec(str(folder), Reading(chunk_tokens=3))
    rows = [row for row in show_tokens([one], spec) if row.contig == "c1"]
    assert [(row.strand, row.chunk, row.start, row.end) for row in rows] == [
        ("+", 0, 2, 20), ("+", 1, 20, 28), ("-", 114, 10, 28), ("-", 115, 2, 10),
    ]  # fmt: skip
    assert rows[0].tokens == ("<cls>", "ACGTTG", "CATTAG", "ACCAGT")
    assert rows[1].tokens == ("<cls>", "ACCATG", "A", "C")
    assert rows[2].tokens == ("<cls>", "GTCATG", "GTACTG", "GTCTAA")
    assert rows[3].tokens == ("<cls>", "TGCAAC", "G", "T")
    words = (folder / "vocab.txt").read_text().split()
    assert rows[0].token_ids == tuple(words.index(token) for token in rows[0].tokens)
    assert rows[0].attention_mask == (1, 1, 1, 1)
    ids = f"3 {words.index('ACCATG')} {words.index('A')} {words.index('C')}"
    assert rows[1].line() == f"g\tc1\t+\t1\t20\t28\t{ids}\t1 1 1 1\t<cls> ACCATG A C\n"


def test_a_name_breaks_no_row() -> None:
    row = TokenRow('"g', "c\x1b[31m\t1", "+", 0, 0, 6, (3, 4), (1, 1), ("<cls>", "ACGTTG"))
    assert row.line() == '"""g"\tc [31m 1\t+\t0\t0\t6\t3 4\t1 1\t<cls> ACGTTG\n'


def test_the_command_prints_them_without_weights(gindex, model, six_genomes, tmp_path, monkeypatch) -> None:
    def refuse(*_: object) -> None:
        raise AssertionError("the weights are read")

    monkeypatch.setattr(loader, "open_model", refuse)
    words = ("embed", six_genomes[0], "--encoder", model, "--windows", "2", "--show-tokens")
    result = gindex(*words, "--out", tmp_path / "out")
    assert result.exit_code == 0, result.stderr
    head, *lines = [line.split("\t") for line in result.stdout.splitlines()]
    assert head == [
        "genome", "contig", "strand", "chunk", "start", "end", "token_ids", "attention_mask", "tokens",
    ]  # fmt: skip
    assert [(line[0], line[2], line[3]) for line in lines] == [
        ("DEMO_0001", strand, str(number)) for number, strand in enumerate("++--")
    ]
    for line in lines:
        assert len(line[6].split()) == len(line[7].split()) == len(line[8].split()) == 64
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("kind", ["nucleotide 1", "nucleotide 2", "bert", "roberta", "gpt_neox"])
def test_the_shape_without_weights_is_that_of_the_model(kind: str, tmp_path: Path) -> None:
    folder = tmp_path / "model"
    if kind.startswith("nucleotide"):
        write_tiny_model(folder, int(kind[-1]))
    else:
        import transformers

        settings = transformers.CONFIG_MAPPING[kind](
            vocab_size=64, hidden_size=16, num_hidden_layers=1, num_attention_heads=2, intermediate_size=16,
            max_position_embeddings=80, pad_token_id=1,
        )  # fmt: skip
        transformers.AutoModel.from_config(settings).save_pretrained(folder)
    model, _ = loader.open_model(folder)
    assert loader.shape_of(folder) == (model.most_tokens, model.vocabulary)


def test_its_ids_are_those_that_are_read(model: str, six_genomes: list[Path]) -> None:
    reading = Reading(windows=3)
    encoder = open_encoder(IndexSpec("transformer", model, reading, ""))
    from genome_index.io.reader import iter_genomes

    genomes = list(iter_genomes(six_genomes[:2], "file"))
    read = [ids.tolist() for grids in encoder.iter_grids(genomes) for grid in grids for ids in grid.ids]
    rows = list(show_tokens(genomes, token_spec(model, reading)))
    assert [list(row.token_ids[1:]) for row in rows] == read


def test_failures_and_encoders_without_tokens(gindex, model, six_genomes, tmp_path) -> None:
    (tmp_path / "n.fa").write_text(f">n\n{'N' * 900}\n")
    result = gindex("embed", tmp_path / "n.fa", "--encoder", model, "--show-tokens")
    assert result.exit_code == 1
    assert f"failed: {tmp_path / 'n.fa'}: n: " in result.stderr
    assert len(result.stdout.splitlines()) == 1
    result = gindex("embed", six_genomes[0], "--show-tokens")
    assert result.exit_code == 2
    assert "--show-tokens: the encoder spectrum has no tokens; give a language model" in result.stderr


TOKENIZERS = {
    "six-mers": lambda: SixMers(2),
    "k-mers at every base": lambda: KmerTokenizer(4, overlapping=True),
    "bases": BaseTokenizer,
    "characters": lambda: CharacterTokenizer(["<cls>", "<pad>", "<eos>", "A", "C", "G", "T", "N"]),
    "byte pairs, pieces of before": lambda: SavedBpe(bpe()),
    "byte pairs, short pieces": lambda: SavedBpe(bpe(), 100),
}


@pytest.mark.parametrize("make", TOKENIZERS.values(), ids=TOKENIZERS)
@pytest.mark.parametrize("windows", [0, 2])
def test_spans_hold_the_bases_of_the_tokens(make, windows: int) -> None:
    """The text of a chunk's tokens is the sequence of its span, on its strand."""
    tokenizer = make()
    one = Genome(
        "g", (Contig("a", f"{drawn(500)}NN{drawn(333, 1)}".encode()), Contig("b", b"ACGT" * 60)), "-"
    )
    grid = grid_of(one, tokenizer, 30, windows)
    for chunk, (start, end) in zip(grid.chunks, spans(grid, tokenizer), strict=True):
        sequence = one.contigs[chunk.stretch.contig].sequence[start:end]
        if chunk.stretch.strand:
            sequence = reverse_complement(sequence)
        names = tokenizer.names(chunk.ids)
        if isinstance(tokenizer, KmerTokenizer) and tokenizer.overlapping:
            assert [name[0] for name in names] == list(sequence.decode())[: len(names)]
        else:
            assert "".join(names) == sequence.decode()


@pytest.mark.parametrize("layout", [Layout(6), Layout(3, overlapping=True), Layout(1)])
def test_a_layout_knows_where_tokens_lie(layout: Layout) -> None:
    tokenizer = KmerTokenizer(layout.k, layout.overlapping)
    for length in (20, 35, 36, 41):
        sequence = drawn(length, length).encode()
        whole = tokenizer.token_ids(sequence)
        assert layout.count(length) == len(whole) == len(layout.starts(length))
        for first, end in ((0, 3), (2, len(whole)), (len(whole) - 1, len(whole))):
            start, stop = layout.bases_of(length, first, end)
            assert start == layout.starts(length)[first]
            part = tokenizer.token_ids(sequence[start:stop])[: end - first]
            assert part.tolist() == whole[first:end].tolist()
