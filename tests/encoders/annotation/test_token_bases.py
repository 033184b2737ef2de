"""Phases and k-mers of tokens from their ids alone, beside those of a window that was read as text."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch", reason="the extra neural is not installed")
pytest.importorskip("tokenizers", reason="the extra neural is not installed")

from genome_index.encoders.networks.annotation.token_bases import TokenBases
from genome_index.lab.annotate.tokens.files import files_of
from genome_index.lab.annotate.tokens.token_lists import first_tokens
from genome_index.lab.annotate.tokens.tokenizer import AnnotationTokenizer
from genome_index.lab.annotate.tokens.triplets import triplets

VOCABULARY = {"[CLS]": 0, "ACG": 1, "T": 2, "N": 3, "GGTAC": 4, "+": 5}


def test_by_hand() -> None:
    """[CLS] ACG T N GGTAC +: the bases are ACGTNGGTAC."""
    bases = TokenBases(VOCABULARY, len(VOCABULARY))
    ids = torch.tensor([[0, 1, 2, 3, 4, 5]])
    assert bases.phases(ids).tolist() == [[-1, 0, 0, 1, 2, -1]]
    begin, end = bases.contexts(ids, 2)[0].T.tolist()
    assert begin == [-1, 1, -1, -1, 10, -1]  # AC, T before N, N, GG
    assert end == [-1, 16 + 6, 16 + 11, -1, 16 + 1, -1]  # CG, GT, N, AC
    assert bases.contexts(ids, 6)[0].tolist() == [[-1, -1]] * 6


@pytest.mark.parametrize("k", [1, 3, 6])
def test_they_are_those_of_a_window(k: int) -> None:
    tokenizer = AnnotationTokenizer(files_of(triplets()).with_tokens(first_tokens(), "gindex", "x"), "x")
    source = tokenizer.source("ACGTTGCANACGGTANNACGTACGATTAGC")
    bases = TokenBases({token: number for number, token in tokenizer.tokens.items()}, tokenizer.vocabulary)
    ids = torch.from_numpy(source.ids)[None]
    assert bases.phases(ids)[0].tolist() == source.phases.tolist()
    assert bases.contexts(ids, k)[0].tolist() == source.contexts(k).tolist()
