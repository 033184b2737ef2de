"""Tokenizers of model folders against the libraries that define them, and against ids worked out by hand."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from itertools import product
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from genome_index.encoders.protocol import Tokenizer
from genome_index.encoders.tokenizers import library as pieces
from genome_index.encoders.tokenizers.folder import (
    JsonTokenizer,
    new_piece_bp,
    open_tokenizer,
    rows_without_token,
)
from genome_index.encoders.tokenizers.library import NEW_PIECE_BP, PIECE_BP
from genome_index.encoders.tokenizers.sixmers import SixMers, sixmer_version
from genome_index.errors import ModelError

SIXMERS = ["".join(word) for word in product("ATCG", repeat=6)]
VOCABULARY = {
    1: ["<unk>", "<pad>", "<mask>", "<cls>", *SIXMERS, *"ATCGN"],
    2: ["<unk>", "<pad>", "<mask>", "<cls>", "<eos>", "<bos>", *SIXMERS, *"ATCGN"],
}
ESM_LETTERS = ["<cls>", "<pad>", "<eos>", "<unk>", *"LAGVSERTIDPKQNFYMHWCXBUZO.-", "<null_1>", "<mask>"]
GOLDEN = {
    "ACGTAC": [3, 726],
    "AAAAAA": [3, 4],
    "GGGGGG": [3, 4099],
    "ATTCCGATTCCGATTCCG": [3, 367, 367, 367],
    "ACGTACGTA": [3, 726, 4103, 4101, 4100],
    "ACGTNACGTACGG": [3, 4100, 4102, 4103, 4101, 4104, 726, 4103, 4103],
    "": [3],
    "N": [3, 4104],
    "NNACGTACNN": [3, 4104, 4104, 726, 4104, 4104],
}
READ_AS = str.maketrans("U" + "BDEFHIJKLMOPQRSVWXYZ", "T" + "N" * 20)
SPECIAL = ["[UNK]", "[CLS]", "[SEP]", "[PAD]", "[MASK]"]

HuggingFace = Callable[[str], list[int]]


def dna(length: int, seed: int, letters: str = "ACGT") -> str:
    return "".join(random.Random(seed).choices(letters, k=length))


def with_special(tokenizer: Tokenizer, sequence: str) -> list[int]:
    return [*tokenizer.before, *tokenizer.token_ids(sequence.encode()).tolist(), *tokenizer.after]


def write_vocabulary(folder: Path, lines: list[str]) -> Path:
    folder.mkdir(exist_ok=True)
    (folder / "vocab.txt").write_text("\n".join(lines) + "\n")
    return folder


@pytest.fixture(scope="module", params=[1, 2])
def both(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple:
    """One version's tokenizer, opened from its folder, and the library's own from the same folder."""
    transformers = pytest.importorskip("transformers")
    folder = write_vocabulary(tmp_path_factory.mktemp("nt"), VOCABULARY[request.param])
    # Without eos_token=None it would put an <eos> behind each sequence, for v1 one beyond the model's ids.
    library = transformers.EsmTokenizer(str(folder / "vocab.txt"), eos_token=None)
    ours = open_tokenizer(folder, len(VOCABULARY[request.param]))
    assert isinstance(ours, SixMers)
    return ours, lambda sequence: library(sequence)["input_ids"]


@pytest.mark.parametrize("sequence", GOLDEN)
def test_ids_are_the_published_ones(sequence: str) -> None:
    assert with_special(SixMers(1), sequence) == GOLDEN[sequence]
    cls, *words = GOLDEN[sequence]
    assert with_special(SixMers(2), sequence) == [cls, *(word + 2 for word in words)]


def test_every_word_has_its_line_of_the_list() -> None:
    for version, lines in VOCABULARY.items():
        tokenizer = SixMers(version)
        assert tokenizer.vocabulary == len(lines)
        assert lines[tokenizer.pad] == "<pad>"
        found = tokenizer.token_ids("".join(SIXMERS).encode())
        assert [lines[number] for number in found] == SIXMERS


@pytest.mark.parametrize("length", [*range(14), 5_994, 6_001])
def test_same_ids_as_hugging_face(both: tuple, length: int) -> None:
    ours, theirs = both
    for seed, letters in enumerate(("ACGT", "ACGTACGTACGTACGTN", "ACGTN", "NA")):
        sequence = dna(length, seed, letters)
        assert with_special(ours, sequence) == theirs(sequence)


@pytest.mark.parametrize(
    "sequence",
    [
        "N",
        "NN",
        "N" * 50,
        "NNNACGTACGNNN",
        "ACGTACN",
        "NACGTAC",
        "ACGTA" + "NACGTAC" * 9,
        "ACNGTNNACGTACGTNAN",
    ],
)
def test_same_ids_as_hugging_face_around_n(both: tuple, sequence: str) -> None:
    ours, theirs = both
    assert with_special(ours, sequence) == theirs(sequence)


@given(st.text("ACGTN", max_size=80) | st.text("ACGTacgtUuNnRYKMSWBDHVX", max_size=80))
@settings(deadline=None)
def test_same_ids_as_hugging_face_for_any_characters(both: tuple, sequence: str) -> None:
    """The published tokenizer wants upper case and N for what is ambiguous; ours sees to both itself."""
    ours, theirs = both
    assert with_special(ours, sequence) == theirs(sequence.upper().translate(READ_AS))


@given(st.binary(max_size=60))
def test_any_bytes_give_one_token_a_letter_or_six(sequence: bytes) -> None:
    tokenizer = SixMers(1)
    ids = tokenizer.token_ids(sequence)
    assert ids.dtype == np.int64
    assert ids.base is None  # exactly as large as it looks
    sixes = sum(1 for number in ids.tolist() if number < 4_100)
    assert 6 * sixes + (len(ids) - sixes) == len(sequence)
    plain = [letter for letter in sequence if letter not in b"ACGTUacgtu"]
    assert ids.tolist().count(4_104) == len(plain)


def test_a_list_of_sixmers_is_known_line_by_line() -> None:
    assert [sixmer_version(lines) for lines in VOCABULARY.values()] == [1, 2]
    assert [sixmer_version([*lines, "<eos>", "<bos>"]) for lines in VOCABULARY.values()] == [1, 2]
    swapped = VOCABULARY[1].copy()
    swapped[4], swapped[5] = swapped[5], swapped[4]
    alphabetical = [*VOCABULARY[1][:4], *("".join(word) for word in product("ACGT", repeat=6)), *"ATCGN"]
    assert [sixmer_version(lines) for lines in (swapped, alphabetical, VOCABULARY[1][:-1], [])] == [
        0,
        0,
        0,
        0,
    ]


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tokenizer.json of a small byte-pair encoding of random DNA, laid out as DNABERT-2's."""
    library = pytest.importorskip("tokenizers")
    bpe = library.Tokenizer(library.models.BPE(unk_token="[UNK]"))
    bpe.pre_tokenizer = library.pre_tokenizers.Whitespace()
    trainer = library.trainers.BpeTrainer(vocab_size=300, special_tokens=SPECIAL, show_progress=False)
    bpe.train_from_iterator([dna(500, seed) for seed in range(50)], trainer)
    bpe.post_processor = library.processors.TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 1), ("[SEP]", 2)]
    )
    path = tmp_path_factory.mktemp("bpe") / "tokenizer.json"
    bpe.save(str(path))
    return path


@pytest.fixture
def model(trained: Path, tmp_path: Path) -> Path:
    """A model folder with that file, which a test may change."""
    (tmp_path / "tokenizer.json").write_bytes(trained.read_bytes())
    return tmp_path


def change(path: Path, **settings: object) -> None:
    path.write_text(json.dumps(json.loads(path.read_text()) | settings))


def library_of(folder: Path):  # noqa: ANN201  # tokenizers.Tokenizer, which may not be installed
    return pytest.importorskip("tokenizers").Tokenizer.from_file(str(folder / "tokenizer.json"))


@pytest.mark.parametrize("length", [1, 2, 30, 5_000, PIECE_BP])
def test_trained_ids_are_those_of_its_library(trained: Path, length: int) -> None:
    ours = open_tokenizer(trained.parent, 300)
    assert isinstance(ours, JsonTokenizer)
    sequence = dna(length, length)
    assert with_special(ours, sequence) == library_of(trained.parent).encode(sequence).ids
    assert (ours.before, ours.after, ours.pad, ours.vocabulary) == ((1,), (2,), 3, 300)
    assert ours.token_ids(sequence.encode()).dtype == np.int64


def test_trained_without_special_tokens_sets_none(model: Path) -> None:
    change(model / "tokenizer.json", post_processor=None)
    ours = open_tokenizer(model, 300)
    assert (ours.before, ours.after) == ((), ())


def test_truncation_and_padding_of_the_file_are_ignored(model: Path) -> None:
    plain = open_tokenizer(model, 300)
    library = library_of(model)
    library.enable_truncation(8)
    library.enable_padding(length=4_096, pad_id=4, pad_token="[MASK]", direction="left")
    library.save(str(model / "tokenizer.json"))
    ours = open_tokenizer(model, 300)
    assert (ours.before, ours.after) == ((1,), (2,))
    assert ours.pad == 4  # the one thing taken from it
    sequence = dna(600, 1).encode()
    assert len(ours.token_ids(sequence)) > 8
    assert np.array_equal(ours.token_ids(sequence), plain.token_ids(sequence))


def test_long_sequences_are_cut_and_no_base_is_lost(trained: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ours, library = open_tokenizer(trained.parent, 300), library_of(trained.parent)
    sequence = dna(1_003, 2)
    whole = ours.token_ids(sequence.encode())
    monkeypatch.setattr(pieces, "PIECE_BP", 100)
    cut = ours.token_ids(sequence.encode())
    assert len(cut) != len(whole)  # it was cut
    assert "".join(library.id_to_token(number) for number in cut.tolist()) == sequence
    expected = [library.encode(sequence[at : at + 100]).ids[1:-1] for at in range(0, 1_003, 100)]
    assert cut.tolist() == [number for piece in expected for number in piece]
    assert ours.token_ids(b"").tolist() == []


def test_short_pieces_are_read_each_by_itself(trained: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The dull way: `encode` of one piece after the other; and some pieces a call make no difference."""
    library, sequence = library_of(trained.parent), dna(10_050, 12)
    library.no_truncation()
    ours = open_tokenizer(trained.parent, 300, NEW_PIECE_BP)
    found = ours.token_ids(sequence.encode())
    cut = [sequence[at : at + 2_000] for at in range(0, len(sequence), 2_000)]
    expected = [number for piece in cut for number in library.encode(piece, add_special_tokens=False).ids]
    assert found.tolist() == expected
    monkeypatch.setattr(pieces, "TOGETHER_BP", 4_000)
    assert np.array_equal(ours.token_ids(sequence.encode()), found)
    before = open_tokenizer(trained.parent, 300).token_ids(sequence.encode())
    assert before.tolist() == library.encode(sequence, add_special_tokens=False).ids
    assert 0 < len(found) - len(before) <= 12


def test_new_indexes_of_a_trained_tokenizer_read_short_pieces(trained: Path, tmp_path: Path) -> None:
    assert new_piece_bp(trained.parent) == NEW_PIECE_BP == 2_000
    assert new_piece_bp(write_vocabulary(tmp_path / "six", VOCABULARY[2])) == 0


@pytest.mark.parametrize("name", ["special_tokens_map.json", "tokenizer_config.json"])
@pytest.mark.parametrize("entry", ["[MASK]", {"content": "[MASK]", "lstrip": False}])
def test_padding_token_is_the_one_named(model: Path, name: str, entry: object) -> None:
    (model / name).write_text(json.dumps({"pad_token": entry}))
    assert open_tokenizer(model, 300).pad == 4


def test_padding_token_is_the_usual_one_or_the_first(model: Path) -> None:
    (model / "special_tokens_map.json").write_text('{"pad_token": null, "cls_token": "[CLS]"}')
    assert open_tokenizer(model, 300).pad == 3
    text = (model / "tokenizer.json").read_text()
    (model / "tokenizer.json").write_text(text.replace("[PAD]", "<pad>"))
    assert open_tokenizer(model, 300).pad == 3
    (model / "tokenizer.json").write_text(text.replace("[PAD]", "[FILL]"))
    assert open_tokenizer(model, 300).pad == 0


def test_characters_are_those_of_hugging_face(tmp_path: Path) -> None:
    transformers = pytest.importorskip("transformers")
    write_vocabulary(tmp_path, ESM_LETTERS)
    ours = open_tokenizer(tmp_path, 33)
    library = transformers.EsmTokenizer(str(tmp_path / "vocab.txt"))
    for length in (1, 6, 200):
        sequence = dna(length, length)
        assert with_special(ours, sequence) == library(sequence)["input_ids"]
    assert (ours.pad, ours.vocabulary) == (1, 33)
    assert ours.token_ids(b"A*").tolist() == [5, 3]


def test_characters_without_special_tokens_set_none(tmp_path: Path) -> None:
    write_vocabulary(tmp_path, ["A", "C", "G", "T", "N"])
    assert with_special(open_tokenizer(tmp_path, 5), "GATTACA") == [2, 0, 3, 3, 0, 1, 0]


def test_sixmers_come_before_a_tokenizer_json(model: Path) -> None:
    write_vocabulary(model, VOCABULARY[2])
    assert isinstance(open_tokenizer(model, 4_107), SixMers)


def test_a_tokenizer_json_comes_before_characters(model: Path) -> None:
    write_vocabulary(model, ESM_LETTERS)
    assert isinstance(open_tokenizer(model, 300), JsonTokenizer)


@pytest.mark.parametrize(("version", "rows"), [(2, 4_105), (1, 4_104), (1, 4_107)])
def test_a_tokenizer_of_another_model_is_refused(tmp_path: Path, version: int, rows: int) -> None:
    write_vocabulary(tmp_path, VOCABULARY[version])
    with pytest.raises(ModelError) as caught:
        open_tokenizer(tmp_path, rows)
    assert str(caught.value) == (
        f"{tmp_path}: its tokenizer has {len(VOCABULARY[version]):,} tokens, but the model has "
        f"{rows:,} embeddings, so they do not belong together; "
        "download the whole model again, all files from one place"
    )


def test_six_mers_are_required_for_by_the_size_of_the_table(model: Path) -> None:
    with pytest.raises(ModelError, match="has 300 tokens, but the model has 4,105 embeddings"):
        open_tokenizer(model, 4_105)


def test_many_embeddings_without_a_token_are_reported(model: Path) -> None:
    tokenizer = open_tokenizer(model, 4_096)
    assert rows_without_token(tokenizer, 428, "model") == []
    assert rows_without_token(tokenizer, 4_096, "model") == [
        "model: its tokenizer has 300 tokens, but the model 4,096 embeddings; "
        "if the two are not of one model, the vectors mean nothing"
    ]


@pytest.mark.parametrize("name", ["special_tokens_map", "tokenizer_config"])
def test_settings_of_a_tokenizer_that_are_no_table_are_reported(model: Path, name: str) -> None:
    text = (model / "tokenizer.json").read_text()
    (model / "tokenizer.json").write_text(text.replace("[PAD]", "[FILL]"))
    (model / f"{name}.json").write_text("[]")
    with pytest.raises(ModelError, match=f"{name}.json: not a JSON object of settings; download it again"):
        open_tokenizer(model, 300)


def test_a_trained_tokenizer_with_a_token_too_many_is_refused(model: Path) -> None:
    assert open_tokenizer(model, 300).vocabulary == 300
    with pytest.raises(ModelError, match="has 300 tokens, but the model has 299 embeddings"):
        open_tokenizer(model, 299)
    library = library_of(model)
    library.add_tokens(["N"])
    library.save(str(model / "tokenizer.json"))
    with pytest.raises(ModelError, match="has 301 tokens"):
        open_tokenizer(model, 300)


def test_padding_beyond_the_embeddings_is_refused(model: Path) -> None:
    library = library_of(model)
    library.enable_padding(pad_id=512)
    library.save(str(model / "tokenizer.json"))
    with pytest.raises(ModelError, match="has 513 tokens"):
        open_tokenizer(model, 300)


def test_no_tokenizer_says_what_is_missing(tmp_path: Path) -> None:
    with pytest.raises(ModelError) as caught:
        open_tokenizer(tmp_path, 4_107)
    assert str(caught.value) == (
        f"{tmp_path}: it holds no tokenizer, neither vocab.txt nor tokenizer.json; "
        "download the model's tokenizer.json into it, or choose a model that has one"
    )


@pytest.mark.parametrize(
    "lines",
    [["[PAD]", *SIXMERS], ["[PAD]", "[UNK]", "A", "C", "G", "T", "the", "##ing"], ["<pad>", "A", "C", "G"]],
)
def test_a_list_of_another_kind_is_refused(tmp_path: Path, lines: list[str]) -> None:
    write_vocabulary(tmp_path, lines)
    with pytest.raises(
        ModelError, match=rf"its vocab.txt \({len(lines):,} tokens\) is neither .* tokenizer.json"
    ):
        open_tokenizer(tmp_path, 10_000)


def test_a_damaged_tokenizer_json_is_refused(model: Path) -> None:
    text = (model / "tokenizer.json").read_text()
    (model / "tokenizer.json").write_text(text[: len(text) // 2])
    with pytest.raises(
        ModelError, match=r"tokenizer.json: not a tokenizer that .* can read \(.*download it again"
    ):
        open_tokenizer(model, 300)


def test_a_damaged_settings_file_is_refused(model: Path) -> None:
    (model / "special_tokens_map.json").write_text('{"pad_token": ')
    with pytest.raises(ModelError, match=r"special_tokens_map.json: not a JSON file \(.*download it again"):
        open_tokenizer(model, 300)


@pytest.mark.parametrize("unknown", ["[UNK]", None])
def test_a_tokenizer_that_cannot_read_dna_is_refused(tmp_path: Path, unknown: str | None) -> None:
    """A byte-pair encoding of lower-case DNA gives one unknown token after the other, or nothing at all."""
    library = pytest.importorskip("tokenizers")
    vocabulary = {token: number for number, token in enumerate(["[UNK]", "a", "c", "g", "t", "A", "C", "G"])}
    bpe = library.Tokenizer(library.models.BPE(vocabulary, [], unk_token=unknown))
    bpe.save(str(tmp_path / "tokenizer.json"))
    with pytest.raises(ModelError, match=r"knows only 300 of the 400 bases of ACGTACGTACGT\.\.\."):
        open_tokenizer(tmp_path, 300)


def test_words_that_must_be_short_are_refused(tmp_path: Path) -> None:
    """WordPiece makes one unknown token of a word of more than 100 letters."""
    library = pytest.importorskip("tokenizers")
    vocabulary = {
        token: number for number, token in enumerate(["[UNK]", *"ACGT", "##A", "##C", "##G", "##T"])
    }
    library.Tokenizer(library.models.WordPiece(vocabulary, unk_token="[UNK]")).save(
        str(tmp_path / "tokenizer.json")
    )
    with pytest.raises(ModelError, match="knows only 0 of the 400 bases"):
        open_tokenizer(tmp_path, 300)
