"""What tests of the lab share: the demo as a corpus of three parts. A file may override it with another."""

from __future__ import annotations

from pathlib import Path

import pytest

from genome_index.lab.corpus.shards import Shards


@pytest.fixture(scope="module")
def corpus(demo_corpus_of_three: Path) -> Path:
    return demo_corpus_of_three


@pytest.fixture(scope="module")
def shards(corpus: Path) -> Shards:
    return Shards.open(corpus)
