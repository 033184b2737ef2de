"""Phases of tokens and bases around them from their ids alone, beside those of a window read as text."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch", reason="the extra neural is not installed")
pytest.importorskip("tokenizers", reason="the extra neural is not installed")

from genome_index.encoders.networks.annotation.annotation_model import BasesAround
from genome_index.encoders.networks.annotation.config import AnnotationConfig
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
    nothing = [-1] * 4
    assert bases.contexts(ids, 2)[0].tolist() == [
        nothing, [-1, -1, 0, 1], [1, 2, 3, -1], [2, 3, -1, 2], [3, -1, 2, 2], nothing,
    ]  # fmt: skip


@pytest.mark.parametrize("around", [1, 3, 24])
def test_they_are_those_of_a_window(around: int) -> None:
    tokenizer = AnnotationTokenizer(files_of(triplets()).with_tokens(first_tokens(), "gindex", "x"), "x")
    source = tokenizer.source("ACGTTGCANACGGTANNACGTACGATTAGC")
    bases = TokenBases({token: number for number, token in tokenizer.tokens.items()}, tokenizer.vocabulary)
    ids = torch.from_numpy(source.ids)[None]
    assert bases.phases(ids)[0].tolist() == source.phases.tolist()
    assert bases.contexts(ids, around)[0].tolist() == source.contexts(around).tolist()


def test_bases_around_a_token_are_read_base_by_base() -> None:
    """The first layer of `BasesAround` beside a sum over places, one weight a base."""
    config = AnnotationConfig(vocabulary=9, width=4, layers=1, heads=2, inner=5, experts=0, context=2)
    part = BasesAround(config).double()
    bases = torch.tensor([[[-1, 3, 0, 2], [-1, -1, -1, -1]]])
    weight, bias = part.read.weight, part.read.bias
    first = bias + weight[:, 4 + 3] + weight[:, 8 + 0] + weight[:, 12 + 2]
    expected = part.write(torch.nn.functional.gelu(torch.stack([first, bias])))
    torch.testing.assert_close(part(bases)[0], expected)
