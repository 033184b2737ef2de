"""Job queue in SQLite: order, jobs of dead workers, refusals, expiry."""

from __future__ import annotations

import json
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

pytest.importorskip("fastapi", reason="the extra serve is not installed")

from genome_index.service.jobs.claims import MOST_ATTEMPTS, MOST_BYTES, MOST_JOBS, Claims
from genome_index.service.jobs.database import connect
from genome_index.service.jobs.queue import Job, Jobs, JobSettings, Upload, new_id
from genome_index.service.problems import Problem
from genome_index.service.settings import Limits


@pytest.fixture
def jobs(tmp_path: Path) -> Iterator[Jobs]:
    found = Jobs(tmp_path / "data", Limits(queued=50, queued_each=20))
    yield found
    found.close()


@pytest.fixture
def claims(jobs: Jobs) -> Iterator[Claims]:
    found = Claims(jobs.data, jobs.limits, "worker-1")
    yield found
    found.close()


def sent(jobs: Jobs, caller: str = "a", size: int = 16_000, **settings: object) -> Job:
    return jobs.add(caller, Upload(new_id(), "x.fasta", size, 1), JobSettings(**settings))


def test_a_stored_job_equals_the_submitted_one(jobs: Jobs) -> None:
    settings = JobSettings(k=7, genome_per="record", exclude_identical=True, pictures=True, keep=True)
    made = jobs.add("me", Upload("abc", "my genome.fa", 12, 3, ("a note",)), settings)
    assert (made.id, made.name, made.size_bytes, made.inputs, made.notes) == (
        "abc", "my genome.fa", 12, 3, ("a note",),
    )  # fmt: skip
    assert (made.settings, made.state, made.position, made.pictures) == (settings, "queued", 1, "pending")
    assert Jobs(jobs.data, jobs.limits).get("abc") == made  # another process sees the same


def test_the_same_token_of_a_caller_is_the_same_job(jobs: Jobs) -> None:
    first = jobs.add("a", Upload(new_id(), "x", 1, 1), JobSettings(), "token")
    again = jobs.add("a", Upload(new_id(), "x", 1, 1), JobSettings(), "token")
    other = jobs.add("b", Upload(new_id(), "x", 1, 1), JobSettings(), "token")
    assert first.id == again.id != other.id
    assert jobs.counts() == {"queued": 2}
    with pytest.raises(Problem, match="the key came with x of 1 bytes before; choose a new key"):
        jobs.add("a", Upload(new_id(), "x", 2, 1), JobSettings(), "token")


def test_a_token_with_another_sequence_of_the_same_size_is_refused(jobs: Jobs) -> None:
    first = jobs.add("a", Upload(new_id(), "x", 1, 1, (), "1f"), JobSettings(), "token")
    assert jobs.add("a", Upload(new_id(), "x", 1, 1, (), "1f"), JobSettings(), "token").id == first.id
    with pytest.raises(Problem, match="the sequence, its name or the settings are others now"):
        jobs.add("a", Upload(new_id(), "x", 1, 1, (), "2f"), JobSettings(), "token")


def test_a_token_of_a_service_that_stored_no_digests_still_finds_its_job(jobs: Jobs) -> None:
    first = jobs.add("a", Upload(new_id(), "x", 1, 1, (), "1f"), JobSettings(), "token")
    with closing(connect(jobs.data)) as older:
        older.execute("DROP TABLE digests")
    with closing(Jobs(jobs.data, jobs.limits)) as opened:  # it makes the table again
        assert opened.add("a", Upload(new_id(), "x", 1, 1, (), "1f"), JobSettings(), "token").id == first.id


def test_answers_are_stored_in_order_and_the_last_ends_the_job(jobs: Jobs, claims: Claims) -> None:
    job = sent(jobs)
    [claimed] = claims.claim()
    assert (claimed.id, claimed.state) == (job.id, "running")
    assert claims.answer([(job.id, ['"first"', '"second"'], False)]) == {job.id}
    assert (jobs.get(job.id).state, jobs.get(job.id).answered) == ("running", 2)
    claims.answer([(job.id, ['"third"'], True)])
    over = jobs.get(job.id)
    assert [json.loads(call) for call in jobs.answers(job.id)] == ["first", "second", "third"]
    assert (over.state, over.answered, over.inputs) == ("done", 3, 3)
    assert over.expires == pytest.approx(time.time() + jobs.limits.kept_s, abs=60)


def test_a_job_deleted_while_running_takes_no_answer(jobs: Jobs, claims: Claims) -> None:
    gone, stays = sent(jobs), sent(jobs)
    claims.claim()
    jobs.delete(gone.id)
    assert claims.answer([(gone.id, ["1"], True), (stays.id, ["1"], True)]) == {stays.id}
    with pytest.raises(Problem, match="no query has this id"):
        jobs.get(gone.id)
    assert jobs.answers(gone.id) == []


def test_a_caller_with_many_jobs_delays_another_by_one_round(jobs: Jobs, claims: Claims) -> None:
    many = [sent(jobs, "many").id for _ in range(10)]
    one = sent(jobs, "one")
    assert jobs.get(one.id).position == 2
    assert [job.id for job in claims.claim()][:3] == [many[0], one.id, many[1]]


def test_callers_with_open_jobs_can_be_left_out(jobs: Jobs, claims: Claims) -> None:
    for _ in range(3):
        sent(jobs, "many")
    one = sent(jobs, "one")
    assert [job.id for job in claims.claim({"many"})] == [one.id]
    assert claims.claim({"many", "one"}) == []
    assert len(claims.claim()) == 3


def test_the_caller_served_longest_ago_is_next(jobs: Jobs, claims: Claims) -> None:
    sent(jobs, "early")
    claims.claim()
    first, second = sent(jobs, "early"), sent(jobs, "late")
    assert (jobs.get(second.id).position, jobs.get(first.id).position) == (1, 2)


@pytest.mark.long
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.sampled_from("abcd"), max_size=18))
def test_the_order_is_a_round_robin(tmp_path: Path, callers: list[str]) -> None:
    found = Jobs(tmp_path / new_id(), Limits())
    jobs = [sent(found, caller) for caller in callers]
    laps: list[list[str]] = [[] for _ in jobs]
    for number, job in enumerate(jobs):
        laps[sum(other.caller == job.caller for other in jobs[:number])].append(job.id)
    order = sorted(jobs, key=lambda job: found.get(job.id).position or 0)
    assert [job.id for job in order] == [job for lap in laps for job in lap]
    found.close()


def test_large_jobs_are_claimed_alone(jobs: Jobs, claims: Claims) -> None:
    large = sent(jobs, size=10 * MOST_BYTES)
    small = [sent(jobs, size=MOST_BYTES // 2).id for _ in range(3)]
    assert [job.id for job in claims.claim()] == [large.id]
    assert [job.id for job in claims.claim()] == small[:2]
    assert MOST_JOBS > 2


def test_jobs_of_a_dead_worker_continue_after_their_last_answer(jobs: Jobs, claims: Claims) -> None:
    job = sent(jobs)
    claims.claim()
    claims.answer([(job.id, ["1", "2"], False)])
    claims.release("worker-1", died=True)
    other = Claims(jobs.data, jobs.limits, "worker-2")
    [again] = other.claim()
    assert (again.id, again.answered) == (job.id, 2)
    assert claims.answer([(job.id, ["3"], True)]) == set()  # the dead worker no longer has the job
    assert other.answer([(job.id, ["3"], True)]) == {job.id}
    assert jobs.answers(job.id) == ["1", "2", "3"]
    other.close()


def test_a_job_that_kills_workers_is_claimed_alone_and_fails_at_last(jobs: Jobs, claims: Claims) -> None:
    deadly, innocent = sent(jobs), sent(jobs)
    assert len(claims.claim()) == 2
    claims.release("worker-1", died=True)
    for _ in range(MOST_ATTEMPTS - 1):
        assert [job.id for job in claims.claim()] == [deadly.id]
        claims.release("worker-1", died=True)
    assert jobs.get(deadly.id).state == "failed"
    assert "it does not try again" in (jobs.get(deadly.id).problem or "")
    assert [job.id for job in claims.claim()] == [innocent.id]


def test_an_orderly_stop_is_no_attempt(jobs: Jobs, claims: Claims) -> None:
    job = sent(jobs)
    for _ in range(MOST_ATTEMPTS + 2):
        assert [one.id for one in claims.claim()] == [job.id]
        claims.release("worker-1", died=False)
    assert jobs.get(job.id).state == "queued"


def test_too_many_waiting_jobs_are_refused_with_numbers(jobs: Jobs) -> None:
    for _ in range(20):
        sent(jobs, "greedy")
    with pytest.raises(Problem, match="20 of your queries wait, 20 are allowed") as refused:
        sent(jobs, "greedy")
    assert (refused.value.status, refused.value.headers["Retry-After"]) == (429, "30")
    for number in range(30):
        sent(jobs, f"caller {number}")
    with pytest.raises(Problem, match="50 queries wait, 50 are allowed") as refused:
        sent(jobs, "late")
    assert refused.value.status == 503


def test_expired_jobs_are_deleted(jobs: Jobs, tmp_path: Path) -> None:
    brief = Claims(jobs.data, Limits(kept_s=-1), "worker-1")
    job, waits = sent(jobs), sent(jobs)
    brief.claim()
    brief.answer([(job.id, ["1"], True)])
    brief.expire()
    assert jobs.counts() == {"running": 1}
    assert jobs.answers(job.id) == []
    assert jobs.get(waits.id).state == "running"
    brief.close()


def test_sequences_are_needed_until_answers_and_figures_are_done(jobs: Jobs, claims: Claims) -> None:
    plain, drawn, kept = sent(jobs), sent(jobs, pictures=True), sent(jobs, keep=True)
    assert claims.with_sequence() == {plain.id, drawn.id, kept.id}
    claims.claim()
    claims.answer([(job.id, ["1"], True) for job in (plain, drawn, kept)])
    assert claims.with_sequence() == {drawn.id, kept.id}
    [job] = [claims.claim_pictures()]
    assert job is not None
    assert claims.claim_pictures() is None  # no figure is drawn twice
    assert claims.picture(job.id, 0, '{"a": 1}', (b"light", None))
    claims.end_pictures(job.id, "done")
    assert claims.with_sequence() == {kept.id}
    [row] = jobs.pictures(job.id)
    assert (row["painting"], row["portrait_light"], row["portrait_dark"]) == ('{"a": 1}', b"light", None)


def test_figures_of_a_dead_worker_are_drawn_by_another(jobs: Jobs, claims: Claims) -> None:
    job = sent(jobs, pictures=True)
    claims.claim()
    claims.answer([(job.id, ["1"], True)])
    assert claims.claim_pictures() is not None
    claims.release("worker-1", died=True)
    again = claims.claim_pictures()
    assert again is not None
    assert (again.id, again.state) == (job.id, "done")


def test_figures_of_small_jobs_do_not_wait_for_large_ones(jobs: Jobs, claims: Claims) -> None:
    large = jobs.add("a", Upload(new_id(), "x", 1, 600), JobSettings(pictures=True))
    claims.claim()
    claims.answer([(large.id, ["1"] * 600, True)])
    first = claims.claim_pictures()
    assert first is not None
    claims.picture(first.id, 0, None, (None, None))
    claims.leave_pictures(first.id)
    small = sent(jobs, pictures=True)
    claims.claim()
    claims.answer([(small.id, ["1"], True)])
    order = []
    for _ in range(2):
        job = claims.claim_pictures()
        assert job is not None
        order.append((job.id, claims.pictured(job.id)))
    assert order == [(small.id, 0), (large.id, 1)]


def test_a_transaction_is_all_or_nothing(jobs: Jobs, claims: Claims) -> None:
    job = sent(jobs)
    claims.claim()
    with pytest.raises(sqlite3.Error):
        claims.answer([(job.id, ["1"], False), (job.id, [object()], False)])  # type: ignore[list-item]
    assert (jobs.get(job.id).answered, jobs.answers(job.id)) == (0, [])


def test_commits_are_durable(jobs: Jobs) -> None:
    [journal] = sqlite3.connect(jobs.data / "service.sqlite").execute("PRAGMA journal_mode").fetchone()
    assert journal == "wal"
    assert jobs._db.execute("PRAGMA synchronous").fetchone()[0] == 2  # FULL
