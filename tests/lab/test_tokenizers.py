"""Tokenizers for training: lossless, equal to plain loops, and reproducible where they are learned."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from itertools import product
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from genome_index.encoders.tokenizers.sixmers import SixMers
from genome_index.errors import ModelError, UsageError
from genome_index.lab.corpus.packing import bases_of, codes_of
from genome_index.lab.corpus.sampling import Fragment
from genome_index.lab.tokenizers.bpe import LONGEST_BP, Bpe, learn_bpe
from genome_index.lab.tokenizers.kmers import (
    CLS,
    MASK,
    Bases,
    KmersApart,
    KmersOverlapping,
    KnownBases,
    LabTokenizer,
    decode,
    encode,
    load_tokenizer,
    save_tokenizer,
    tokenizer_of,
)
from genome_index.lab.tokenizers.special_ids import SPECIAL

NASTY = (
    b"", b"N", b"A", b"NNNN", b"acgt", b"ACGTU", b"NACGTACN", b"ACGTACN", b"NNACGTNNNACGTACGTNN", b"RYKMan",
    b"ACGTAC", b"ACGTACG", b"TTTTTTTTTTTTT", b"N" * 1000 + b"ACG", b"ACGT" * 60_000 + b"G",
)  # fmt: skip
FIXED = (
    "bases",
    "bases-known",
    "kmers-overlapping:1",
    "kmers-overlapping:6",
    "kmers-apart:1",
    "kmers-apart:3",
    "kmers-apart:6",
)


def plain(sequence: bytes) -> bytes:
    """What is kept of letters, letter by letter."""
    upper = sequence.upper().replace(b"U", b"T")
    return bytes(letter if letter in b"ACGT" else ord("N") for letter in upper)


def repetitive(count: int, seed: int = 7) -> list[Fragment]:
    """Fragments made of few words, with N between, so that there is something to learn."""
    random = np.random.default_rng(seed)
    words = [bases_of(random.integers(0, 4, 12).astype(np.uint8)) for _ in range(20)] + [b"NNN"]
    texts = [b"".join(words[at] for at in random.integers(0, len(words), 40)) for _ in range(count)]
    return [Fragment(0, 0, 0, codes_of(text)) for text in texts]


@pytest.fixture(scope="module")
def bpe() -> Bpe:
    pytest.importorskip("tokenizers", reason="the library tokenizers is not installed")
    return learn_bpe(repetitive(100), 60, 200)


@pytest.fixture(params=[*FIXED, "bpe"])
def tokenizer(request: pytest.FixtureRequest) -> LabTokenizer:
    return request.getfixturevalue("bpe") if request.param == "bpe" else tokenizer_of(request.param)


@settings(deadline=None)  # the first call compiles
@given(sequence=st.text("ACGTNacgtuRY", max_size=80))
def test_nothing_is_lost_of_any_sequence(sequence: str, tokenizer_by_name: dict[str, LabTokenizer]) -> None:
    for one in tokenizer_by_name.values():
        ids = encode(one, sequence.encode())
        assert decode(one, ids) == plain(sequence.encode()), one.kind
        assert all(one.lengths[ids] > 0)


@pytest.fixture(scope="module")
def tokenizer_by_name(bpe: Bpe) -> dict[str, LabTokenizer]:
    return {**{name: tokenizer_of(name) for name in FIXED}, "bpe": bpe}


@pytest.mark.parametrize("sequence", NASTY, ids=lambda one: one[:12].decode() or "nothing")
def test_nothing_is_lost_of_nasty_sequences(sequence: bytes, tokenizer: LabTokenizer) -> None:
    ids = encode(tokenizer, sequence)
    assert ids.dtype == np.int64
    assert decode(tokenizer, ids) == plain(sequence)


def test_special_ids_stand_for_no_letter(tokenizer: LabTokenizer) -> None:
    """In a vocabulary of eight, <mask> stands for a base that is not known."""
    mask = b"N" if isinstance(tokenizer, KnownBases) else b""
    ids = np.concatenate([[CLS], encode(tokenizer, b"ACGTN"), [MASK]])
    assert decode(tokenizer, ids) == b"ACGTN" + mask
    assert tokenizer.lengths[: len(SPECIAL)].tolist() == [0, len(mask), 0, 0]


def test_ids_of_another_tokenizer_are_refused(tokenizer: LabTokenizer) -> None:
    for strange in (tokenizer.vocabulary, -1):
        with pytest.raises(UsageError, match=str(strange)):
            decode(tokenizer, np.array([strange], np.int64))


def dull_apart(sequence: bytes, k: int) -> list[bytes]:
    """Tokens as letters, one after the other."""
    found, at = [], 0
    while at < len(sequence):
        word = sequence[at : at + k]
        if len(word) < k or b"N" in word:
            word = sequence[at : at + 1]
        found.append(word)
        at += len(word)
    return found


def dull_overlapping(sequence: bytes, k: int) -> list[bytes]:
    words = (sequence[at : at + k] for at in range(len(sequence)))
    return [word if len(word) == k and b"N" not in word else word[:1] for word in words]


def vocabulary_of(k: int) -> dict[bytes, int]:
    words = ["".join(word).encode() for word in product("ACGT", repeat=k)]
    ids = {word: len(SPECIAL) + at for at, word in enumerate(words)}
    if k == 1:
        return ids
    return {**ids, **{bytes([letter]): len(SPECIAL) + len(words) + at for at, letter in enumerate(b"ACGTN")}}


@settings(deadline=None)  # the first call compiles
@given(sequence=st.text("ACGTACGTN", max_size=60), k=st.integers(2, 6))
def test_kmers_are_those_of_a_plain_loop(sequence: str, k: int) -> None:
    ids, letters = vocabulary_of(k), sequence.encode()
    assert encode(KmersApart(k), letters).tolist() == [ids[word] for word in dull_apart(letters, k)]
    assert encode(KmersOverlapping(k), letters).tolist() == [
        ids[word] for word in dull_overlapping(letters, k)
    ]


@settings(deadline=None)  # the first call compiles
@given(sequence=st.text("ACGTACGTACGTN", max_size=60))
def test_six_bases_a_token_are_framed_as_the_nucleotide_transformer_frames_them(sequence: str) -> None:
    ours, theirs = encode(KmersApart(6), sequence.encode()), SixMers(1).token_ids(sequence.encode())
    assert [id_ >= 4 + 4**6 for id_ in ours.tolist()] == [id_ >= 4 + 4**6 for id_ in theirs.tolist()]


def test_a_saved_tokenizer_is_the_same_again(tokenizer: LabTokenizer, tmp_path: Path) -> None:
    path = tmp_path / "tokenizer.json"
    save_tokenizer(tokenizer, path)
    again = load_tokenizer(path)
    sequence = b"ACGTTGCANNACGTACGTAACC" * 20
    assert (again.kind, again.vocabulary) == (tokenizer.kind, tokenizer.vocabulary)
    assert encode(again, sequence).tolist() == encode(tokenizer, sequence).tolist()
    assert json.loads(path.read_bytes())["kind"] == tokenizer.kind


@pytest.mark.parametrize(
    "content",
    [b"", b"{}", b"\x80\x04pickle", b'{"kind": "kmers-apart"}', b'{"kind": "bpe", "tokenizer": {}}'],
)
def test_what_is_no_tokenizer_is_refused(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "tokenizer.json"
    path.write_bytes(content)
    with pytest.raises(ModelError, match="not a tokenizer of this lab"):
        load_tokenizer(path)


@pytest.mark.parametrize(
    "name", ["words", "bases:3", "bases-known:3", "kmers-apart", "kmers-apart:x", "kmers-apart:11"]
)
def test_a_name_that_is_none_is_refused(name: str) -> None:
    with pytest.raises(UsageError, match="choose"):
        tokenizer_of(name)


def test_byte_pairs_learn_tokens_and_never_n(bpe: Bpe) -> None:
    words = [decode(bpe, np.array([id_])) for id_ in range(len(SPECIAL), bpe.vocabulary)]
    assert bpe.vocabulary == 200
    assert len(set(words)) == len(words)
    assert [word for word in words if b"N" in word] == [b"N"]
    sequence = bases_of(repetitive(1, seed=7)[0].codes)
    assert len(encode(bpe, sequence)) < 0.4 * len(sequence)  # of what it has learned from


def test_a_repeat_makes_no_word_without_end() -> None:
    pytest.importorskip("tokenizers", reason="the library tokenizers is not installed")
    learned = learn_bpe([Fragment(0, 0, 0, codes_of(b"A" * 4_000))], 1, 40)
    words = [decode(learned, np.array([id_])) for id_ in range(learned.vocabulary)]
    assert max(len(word) for word in words) == LONGEST_BP


def test_byte_pairs_are_learned_from_so_many_fragments_and_no_more() -> None:
    pytest.importorskip("tokenizers", reason="the library tokenizers is not installed")
    few, endless = repetitive(30), iter(repetitive(100))
    assert learn_bpe(endless, 30, 64).settings() == learn_bpe(few, 30, 64).settings()
    assert len(list(endless)) == 70


def test_byte_pairs_are_the_same_in_every_process(bpe: Bpe) -> None:
    code = (
        "import json, sys; sys.path.insert(0, 'tests/lab')\n"
        "from test_tokenizers import learn_bpe, repetitive\n"
        "print(json.dumps(learn_bpe(repetitive(100), 60, 200).settings()))"
    )
    for threads in ("1", "4"):
        done = subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, check=True,
            cwd=Path(__file__).parents[2],
            env={**os.environ, "PYTHONHASHSEED": threads, "RAYON_NUM_THREADS": threads},
        )  # fmt: skip
        assert json.loads(done.stdout) == bpe.settings()


def test_too_few_tokens_are_refused() -> None:
    pytest.importorskip("tokenizers", reason="the library tokenizers is not installed")
    with pytest.raises(UsageError, match="9 are special tokens and single bases"):
        learn_bpe([], 0, 8)


def test_single_bases_are_numbered_in_the_order_of_the_alphabet() -> None:
    assert Bases.vocabulary == 9
    assert encode(Bases(), b"ACGTN").tolist() == [4, 5, 6, 7, 8]
