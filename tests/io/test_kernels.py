"""Kernels: numba is loaded when much is done and not before, and a plain twin gives the same bits."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from genome_index.encoders.spectrum import DIM, count_kmers
from genome_index.index.store.kmer_index import _most
from genome_index.index.store.kmer_part import KmerPart, _count, _shift
from genome_index.index.store.sketches import containment, sample_kmers
from genome_index.io.bases import count_bases
from genome_index.io.kernels import kernel as kernels
from genome_index.io.kernels.kernel import Kernel

SEQUENCES = st.one_of(
    st.text("ACGTacgtuNR-", max_size=300),
    st.builds(
        lambda unit, times: unit * times, st.text("ACGTN", min_size=1, max_size=40), st.integers(1, 30)
    ),
)
HASHES = st.lists(st.integers(0, 400), max_size=60, unique=True).map(
    lambda some: np.array(sorted(some), np.uint64)
)


def codes(text: str) -> npt.NDArray[np.uint8]:
    return np.frombuffer(text.encode(), np.uint8)


@given(SEQUENCES)
@settings(deadline=None)
def test_bases(text: str) -> None:
    assert count_bases.plain is not None
    assert count_bases.plain(codes(text)) == count_bases.compiled(codes(text))


@given(SEQUENCES, st.sampled_from([4, 15, 21, 31, 32]), st.integers(1, 4), st.integers(0, 300))
@settings(deadline=None, max_examples=300)
def test_sampled_kmers(text: str, k: int, scaled: int, room: int) -> None:
    limit = np.uint64(2**64 // scaled - 1)
    assert sample_kmers.plain is not None
    plain, compiled = np.zeros((2, room), np.uint64)
    counts = (
        sample_kmers.plain(codes(text), k, limit, plain),
        sample_kmers.compiled(codes(text), k, limit, compiled),
    )
    assert counts[0] == counts[1]
    np.testing.assert_array_equal(plain, compiled)


@given(SEQUENCES)
@settings(deadline=None, max_examples=300)
def test_kmers_of_the_spectrum(text: str) -> None:
    assert count_kmers.plain is not None
    plain, compiled = np.full((2, DIM), 65_530, np.uint16)  # some run over, as compiled ones do
    count_kmers.plain(codes(text), plain)
    count_kmers.compiled(codes(text), compiled)
    np.testing.assert_array_equal(plain, compiled)


@given(HASHES, HASHES, st.integers(0, 500))
@settings(deadline=None)
def test_containment(a: npt.NDArray[np.uint64], b: npt.NDArray[np.uint64], limit: int) -> None:
    assert containment.plain is not None
    assert containment.plain(a, b, np.uint64(limit)) == containment.compiled(a, b, np.uint64(limit))


@given(st.lists(HASHES, min_size=1, max_size=12), HASHES, st.integers(0, 4), st.data())
@settings(deadline=None, max_examples=300)
def test_shared_kmers_and_the_best_of_them(
    sketches: list[npt.NDArray[np.uint64]], query: npt.NDArray[np.uint64], k: int, data: st.DataObject
) -> None:
    part = KmerPart.of_sketches(sketches, np.arange(len(sketches)))
    shift = _shift(part.hashes, (len(part.bins) - 1).bit_length() - 1)
    tallies = np.zeros((2, len(sketches)), np.int32)
    assert _count.plain is not None
    for function, tally in zip((_count.plain, _count.compiled), tallies, strict=True):
        function(query, part.hashes, part.starts, part.rows, part.bins, shift, tally)
    np.testing.assert_array_equal(*tallies)

    flags = st.lists(st.booleans(), min_size=len(sketches), max_size=len(sketches))
    live, is_coarse = np.array(data.draw(flags)), np.array(data.draw(flags))
    limits = np.where(is_coarse, 200, 401).astype(np.uint64)
    sizes = np.array([(len(each), np.searchsorted(each, np.uint64(200))) for each in sketches], np.int32)
    limit = np.uint64(data.draw(st.sampled_from([200, 401])))
    assert _most.plain is not None
    found = []
    for function in (_most.plain, _most.compiled):
        best = (np.full(k, -1, np.int64), np.zeros(k, np.int32), np.zeros(k, np.float32), np.zeros(k))
        found.append((function(tallies[0], sizes, limits, query, limit, live, *best), *best))
    assert found[0][0] == found[1][0]
    for one, other in zip(found[0][1:], found[1][1:], strict=True):
        np.testing.assert_array_equal(one, other)


def test_a_kernel_without_a_twin_calls_others_and_keeps_its_name() -> None:
    assert isinstance(count_kmers, Kernel)
    assert count_kmers.__name__ == "count_kmers"
    assert (count_kmers.__doc__ or "").startswith("Add the canonical k-mers")


COUNTED = """
import sys
import numpy as np
from genome_index.io.kernels import kernel as kernels
from genome_index.io.bases import count_bases
some = np.frombuffer(b"ACGTN" * {repeats}, np.uint8)
print(count_bases(some), count_bases(some), "numba" in sys.modules)
"""


@pytest.mark.parametrize(("repeats", "is_loaded"), [(1_000, False), (kernels.PLAIN_ELEMENTS // 5 + 1, True)])
def test_numba_is_loaded_when_much_is_done(repeats: int, is_loaded: bool) -> None:
    command = [sys.executable, "-c", COUNTED.format(repeats=repeats)]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=120)
    assert done.stdout == f"{4 * repeats} {4 * repeats} {is_loaded}\n"
