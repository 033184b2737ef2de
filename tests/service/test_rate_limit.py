"""Rate limit: equal to token buckets that are refilled step by step; full buckets are dropped."""

from collections import defaultdict
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from genome_index.errors import UsageError
from genome_index.service.rate_limit import LEAST_SWEPT, SLACK_S, Rates

STEPS = st.lists(
    st.tuples(
        st.sampled_from(["anna", "bert", "carl"]),
        st.one_of(
            st.just(0.0),
            st.floats(0, 1),
            st.floats(0, 130),
            st.sampled_from([0.1, 1.0, 20.0, 30.0, 60.0]),
        ),
    ),
    max_size=80,
)


class Bucket:
    """Tokens, counted exactly: full at first, refilled as time passes, one taken for each request."""

    def __init__(self, per_minute, now):
        self.size, self.tokens, self.at = per_minute, Fraction(per_minute), now

    def take(self, now):
        self.tokens = min(Fraction(self.size), self.tokens + (now - self.at) * self.size / 60)
        self.at = now
        if self.tokens < 1:
            return (1 - self.tokens) * 60 / self.size
        self.tokens -= 1
        return Fraction(0)


@pytest.mark.long
@given(per_minute=st.sampled_from([1, 2, 3, 7, 60, 600]), start=st.floats(0, 1e7), steps=STEPS)
@settings(max_examples=300)
def test_rates_equal_token_buckets(per_minute, start, steps):
    rates, buckets, now = Rates(per_minute), {}, start
    for caller, passed in steps:
        now += passed
        bucket = buckets.setdefault(caller, Bucket(per_minute, Fraction(now)))
        expected = bucket.take(Fraction(now))
        found = rates.take(caller, now)
        assert found == pytest.approx(float(expected), abs=2 * SLACK_S)
        if bool(found) != bool(expected):  # equal but for rounding: the oracle follows
            bucket.tokens += -1 if expected else 1


@pytest.mark.long
@given(per_minute=st.sampled_from([1, 3, 7, 60]), start=st.floats(0, 1e7), steps=STEPS)
@settings(max_examples=300)
def test_no_minute_exceeds_two_buckets_and_announced_waits_suffice(per_minute, start, steps):
    rates, allowed, now = Rates(per_minute), defaultdict(list), start
    for caller, passed in steps:
        now += passed
        wait_s = rates.take(caller, now)
        if wait_s:
            now += wait_s
            assert rates.take(caller, now) == 0.0  # a caller that waits the announced time is allowed
        allowed[caller].append(now)
    for times in allowed.values():
        for first in times:  # a full bucket, and the tokens that are refilled meanwhile
            assert sum(first <= time < first + 60 for time in times) <= 2 * per_minute
            assert sum(first <= time <= first + 0.001 for time in times) <= per_minute + 1


def test_a_burst_is_followed_by_the_rate():
    rates = Rates(600)
    assert [rates.take("anna", 5.0) for _ in range(600)] == [0.0] * 600
    assert rates.take("anna", 5.0) == pytest.approx(0.1)
    assert rates.take("bert", 5.0) == 0.0  # every caller has a bucket
    assert rates.take("anna", 5.1) == 0.0
    assert rates.take("anna", 5.1) == pytest.approx(0.1)
    assert [rates.take("anna", 65.1) for _ in range(601)][-2:] == [0.0, pytest.approx(0.1)]


def test_a_refusal_takes_no_token():
    rates = Rates(1)
    assert rates.take("anna", 0.0) == 0.0
    assert all(rates.take("anna", second) for second in range(1, 60))
    assert rates.take("anna", 60.0) == 0.0


def test_full_buckets_are_dropped():
    rates, most = Rates(600), 0
    for number in range(50 * LEAST_SWEPT):  # one request each, a hundred a second: ten buckets are not full
        rates.take(f"caller {number}", number / 100)
        most = max(most, len(rates))
    assert most <= LEAST_SWEPT


def test_buckets_in_use_are_not_dropped():
    rates = Rates(1)
    for number in range(5 * LEAST_SWEPT):
        assert rates.take(f"caller {number}", 0.0) == 0.0
    assert len(rates) == 5 * LEAST_SWEPT
    assert all(rates.take(f"caller {number}", 1.0) == pytest.approx(59) for number in range(5 * LEAST_SWEPT))
    for number in range(5 * LEAST_SWEPT):
        rates.take(f"another {number}", 61.0)
    assert len(rates) == 5 * LEAST_SWEPT  # the first buckets are full again, and dropped


@pytest.mark.parametrize("per_minute", [0, -1])
def test_a_rate_below_one_is_refused(per_minute):
    with pytest.raises(UsageError, match="give 1 or more"):
        Rates(per_minute)


def test_an_almost_full_bucket_is_not_dropped():
    rates = Rates(1)
    rates.take("anna", 0.0)
    for number in range(5 * LEAST_SWEPT):
        rates.take(f"caller {number}", 59.9)
    assert rates.take("anna", 59.9) == pytest.approx(0.1)
