"""Markov models and context tree weighting against plain recursions over dictionaries."""

from __future__ import annotations

import math
from collections import defaultdict

import numpy as np
import pytest

from genome_index.lab.corpus.packing import codes_of
from genome_index.lab.likelihood.context_tree import tree_bits, weigh_contexts
from genome_index.lab.likelihood.contexts import DEPTH, count_contexts, markov_bits, own_bits

LEARNED = [b"ACGTACGTTACGNACGTACCA", b"TTTTACGTA", b"AC"]
READ = b"ACGTNTACGTTTACGN"


def counts_of(sequences: list[bytes], depth: int) -> dict[bytes, dict[str, int]]:
    """Context -> base -> how often, over bases with `depth` known bases before them."""
    counts: dict[bytes, dict[str, int]] = defaultdict(lambda: dict.fromkeys("ACGT", 0))
    for sequence in sequences:
        for at in range(depth, len(sequence)):
            if b"N" not in sequence[at - depth : at + 1]:
                for order in range(depth + 1):
                    counts[sequence[at - order : at]][chr(sequence[at])] += 1
    return counts


def estimate(counts: dict[str, int], base: str) -> float:
    return (counts[base] + 0.5) / (sum(counts.values()) + 2)


def sequential(counts: dict[str, int]) -> float:
    """P_KT: the product of the estimates while the counted bases come one after the other."""
    seen, chance = dict.fromkeys("ACGT", 0), 1.0
    for base, number in counts.items():
        for _ in range(number):
            chance *= estimate(seen, base)
            seen[base] += 1
    return chance


def weighted(counts, context: bytes, depth: int) -> float:
    """P of a node: willems, shtarkov and tjalkens, equation 5, with four children."""
    own = sequential(counts[context])
    if len(context) == depth:
        return own
    return own / 2 + math.prod(weighted(counts, b"%c" % base + context, depth) for base in b"ACGT") / 2


def known_of(sequence: bytes, at: int) -> bytes:
    return sequence[:at].rpartition(b"N")[2]


@pytest.mark.parametrize("depth", [0, 1, 3])
def test_every_order_predicts_by_its_counts(depth: int) -> None:
    counts = count_contexts(map(codes_of, LEARNED), depth)
    plain = counts_of(LEARNED, depth)
    assert counts.bases == sum(plain[b""].values())
    bits = markov_bits(counts, codes_of(READ), depth)
    for at, base in enumerate(READ.decode()):
        for order in range(depth + 1):
            if base == "N":
                assert np.isnan(bits[at, order])
                continue
            known = known_of(READ, at)
            context = known[len(known) - min(order, len(known)) :]
            assert bits[at, order] == pytest.approx(-math.log2(estimate(plain[context], base)), rel=1e-12)


@pytest.mark.parametrize("depth", [1, 2, 3])
def test_the_tree_predicts_as_one_base_more_would_weigh(depth: int) -> None:
    """Its chance of a base is P of the root with that base counted too, over P of the root without."""
    tree = weigh_contexts(count_contexts(map(codes_of, LEARNED), depth))
    bits = tree_bits(tree, codes_of(READ))
    for at, base in enumerate(READ.decode()):
        known = known_of(READ, at)
        if base == "N":
            assert np.isnan(bits[at])
        if base == "N" or len(known) < depth:
            continue
        counts = counts_of(LEARNED, depth)
        before = weighted(counts, b"", depth)
        for order in range(depth + 1):
            counts[known[len(known) - order :]][base] += 1
        assert bits[at] == pytest.approx(-math.log2(weighted(counts, b"", depth) / before), rel=1e-9)


def test_where_less_is_known_the_longest_known_context_is_the_leaf() -> None:
    counts, plain = count_contexts(map(codes_of, LEARNED), 3), counts_of(LEARNED, 3)
    bits = tree_bits(weigh_contexts(counts), codes_of(b"TA"))
    assert bits[0] == pytest.approx(-math.log2(estimate(plain[b""], "T")))
    own = sequential(plain[b""]) / 2
    share = own / weighted(plain, b"", 3)
    mixed = share * estimate(plain[b""], "A") + (1 - share) * estimate(plain[b"T"], "A")
    assert bits[1] == pytest.approx(-math.log2(mixed))


def test_without_counts_every_base_costs_two_bits() -> None:
    counts = count_contexts([], 4)
    codes = codes_of(b"ACGTACGT")
    np.testing.assert_array_equal(markov_bits(counts, codes, 4), np.full((8, 5), 2.0))
    np.testing.assert_allclose(tree_bits(weigh_contexts(counts), codes), 2.0)


def test_the_tree_finds_the_order_of_its_source() -> None:
    """Of a source of order 2 the tree comes within a hundredth of that order, and beats those above."""
    draws = np.random.default_rng(0)
    chances = draws.dirichlet(np.full(4, 0.5), 16)

    def source(length: int) -> np.ndarray:
        codes = [0, 0]
        for _ in range(length):
            codes.append(int(draws.choice(4, p=chances[4 * codes[-2] + codes[-1]])))
        return np.array(codes, np.uint8)

    counts, read = count_contexts([source(20_000)], 8), source(5_000)
    orders = markov_bits(counts, read, 8).mean(0)
    tree = tree_bits(weigh_contexts(counts), read).mean()
    assert orders.argmin() == 2
    assert orders[2] - 0.01 < tree < orders[2] + 0.01
    assert tree < orders[8] - 0.1


def test_a_model_that_learns_as_it_reads() -> None:
    """Order 1 over AAAA: 2 bits without a context, then 1/4, 3/2 of 3 and 5/2 of 4 after an A."""
    bits, bases = own_bits([codes_of(b"AAAANA"), codes_of(b"CA")], 1)
    assert bases == 7
    expected = 2 + 2 - math.log2(1.5 / 3) - math.log2(2.5 / 4) + 2 + 2 + 2
    assert bits == pytest.approx(expected)


@pytest.mark.long
def test_twelve_bases_are_counted_and_weighed() -> None:
    """A sequence of one million random bases, read again, is known to order 12."""
    codes = np.random.default_rng(1).integers(0, 4, 1_000_000).astype(np.uint8)
    counts = count_contexts([codes])
    assert (counts.depth, counts.bases) == (DEPTH, 1_000_000 - DEPTH)
    assert [len(level) for level in counts.levels] == [4**order for order in range(DEPTH + 1)]
    bits = markov_bits(counts, codes[:50_000]).mean(0)
    assert bits[0] == pytest.approx(2, abs=1e-3)
    assert bits[12] == pytest.approx(1.0, abs=0.1)
