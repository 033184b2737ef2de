"""Backup of a busy service: the database is sound, and every job has the sequence that it needs."""

import os
import random
import shutil
import sqlite3
import threading
import time
from contextlib import closing, contextmanager

import pytest
import typer
from gindex_cli.commands.backup import backup as backup_command
from gindex_cli.run import guarded
from typer.testing import CliRunner

from genome_index.errors import StorageError, UsageError
from genome_index.service.api_keys import add_key, find_key
from genome_index.service.jobs import backup as backups
from genome_index.service.jobs.backup import Backup, backup
from genome_index.service.jobs.claims import Claims
from genome_index.service.jobs.database import FILE, changing, connect
from genome_index.service.jobs.queue import Jobs, JobSettings, Upload, new_id
from genome_index.service.jobs.uploads import path_of
from genome_index.service.settings import Limits

LIMITS = Limits(queued=10**6, queued_each=10**6)


def sequence_of(job):
    return f">{job}\n{'ACGT' * 500}\n".encode()


def add_job(jobs, settings=JobSettings(), caller="anna"):  # noqa: B008  # frozen
    """Add a job as the service does: first the sequence, then the row."""
    job = new_id()
    path_of(jobs.data, job).write_bytes(sequence_of(job))
    return jobs.add(caller, Upload(job, "a.fa", 2000, 1), settings).id


def end_jobs(claims):
    """Answer the next jobs, and delete the sequences that no job needs."""
    for job in claims.claim():
        claims.answer([(job.id, ['{"verdict": "novel"}'], True)])
        if job.id not in claims.with_sequence():
            path_of(claims.data, job.id).unlink()


@pytest.fixture
def data(tmp_path):
    (tmp_path / "service" / "uploads").mkdir(parents=True)
    return tmp_path / "service"


@pytest.fixture
def jobs(data):
    with closing(Jobs(data, LIMITS)) as opened:
        yield opened


@pytest.fixture
def claims(data):
    with closing(Claims(data, LIMITS, "worker")) as opened:
        yield opened


def table(data, question):
    with closing(sqlite3.connect(data / FILE)) as connection:
        return connection.execute(question).fetchall()


def assert_whole(copy):
    """The copy has a sound database, and the complete sequences that its jobs need, and nothing else."""
    assert sorted(path.name for path in copy.iterdir()) == [FILE, "uploads"]
    assert table(copy, "PRAGMA integrity_check") == [("ok",)]
    assert table(copy, "PRAGMA foreign_key_check") == []
    with closing(Claims(copy, LIMITS, "check")) as claims:
        needed = claims.with_sequence()
    assert {path.name for path in (copy / "uploads").iterdir()} == needed
    for job in needed:
        assert path_of(copy, job).read_bytes() == sequence_of(job)
    return needed


# Contents of a copy -----------------------------------------------------------------------------------------


def test_a_copy_has_jobs_answers_keys_and_needed_sequences(data, jobs, claims, tmp_path):
    done, kept, drawn, running = (
        add_job(jobs),
        add_job(jobs, JobSettings(keep=True)),
        add_job(jobs, JobSettings(pictures=True)),
        None,
    )
    end_jobs(claims)
    running = add_job(jobs)
    claims.claim()
    waiting = add_job(jobs)
    key = add_key(claims._db, "anna")
    assert backup(data, tmp_path / "copy") == Backup(5, 4)
    assert assert_whole(tmp_path / "copy") == {kept, drawn, running, waiting}
    with closing(Jobs(tmp_path / "copy", LIMITS)) as copied:
        for job in (done, kept, drawn, running, waiting):
            assert copied.get(job) == jobs.get(job)
            assert copied.answers(job) == jobs.answers(job)
    with closing(connect(tmp_path / "copy")) as connection:
        assert find_key(connection, key).name == "anna"


def test_a_restored_copy_continues_its_jobs(data, jobs, claims, tmp_path):
    waiting = [add_job(jobs) for _ in range(3)]
    claims.claim()  # of a service that is gone when the copy is restored
    waiting.append(add_job(jobs))
    backup(data, tmp_path / "copy")
    jobs.close()
    claims.close()
    shutil.rmtree(data)
    shutil.copytree(tmp_path / "copy", data)
    with closing(Claims(data, LIMITS, "another")) as after:
        after.release(None, died=False)
        end_jobs(after)
    with closing(Jobs(data, LIMITS)) as restored:
        assert [restored.get(job).state for job in waiting] == ["done"] * 4


def test_a_copy_has_the_state_of_one_moment(data, jobs, claims, tmp_path):
    early = add_job(jobs)
    backup(data, tmp_path / "copy")
    add_job(jobs)
    end_jobs(claims)
    assert assert_whole(tmp_path / "copy") == {early}
    assert table(tmp_path / "copy", "SELECT id, state FROM jobs") == [(early, "queued")]


def test_a_missing_sequence_is_reported(data, jobs, tmp_path):
    lost, there = add_job(jobs), add_job(jobs)
    path_of(data, lost).unlink()
    assert backup(data, tmp_path / "copy") == Backup(2, 1, (lost,))
    assert [path.name for path in (tmp_path / "copy" / "uploads").iterdir()] == [there]


def test_a_copy_keeps_permissions(data, jobs, tmp_path):
    private = add_job(jobs)
    data.chmod(0o700)
    (data / FILE).chmod(0o600)
    path_of(data, private).chmod(0o600)
    backup(data, tmp_path / "copy")
    for path, mode in (("", 0o700), (FILE, 0o600), (f"uploads/{private}", 0o600)):
        assert (tmp_path / "copy" / path).stat().st_mode & 0o777 == mode, path


# Copies of a busy service -----------------------------------------------------------------------------------


def send(jobs, random_):
    job = add_job(jobs, JobSettings(keep=random_.random() < 0.1), threading.current_thread().name)
    if random_.random() < 0.2:
        jobs.delete(job)
        path_of(jobs.data, job).unlink(missing_ok=True)
    time.sleep(random_.random() * 0.004)  # the load of the test


def work(claims, random_):
    time.sleep(random_.random() * 0.02)
    for job in claims.claim():
        if job.id in claims.answer([(job.id, ["{}"], True)]) and not job.settings.keep:
            path_of(claims.data, job.id).unlink(missing_ok=True)


@contextmanager
def busy(data, seed):
    """Two callers that add jobs, and delete some, and two workers, until the block ends."""
    stop, failures = threading.Event(), []

    def until_stopped(make, turn):
        random_ = random.Random(seed)
        try:
            with closing(make(threading.current_thread().name)) as own:
                while not stop.is_set():
                    turn(own, random_)
        except BaseException as error:  # noqa: BLE001  # reported by the main thread
            failures.append(error)

    callers = (lambda _: Jobs(data, LIMITS), send)
    workers = (lambda name: Claims(data, LIMITS, name), work)
    threads = [threading.Thread(target=until_stopped, args=each) for each in (callers, workers) * 2]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        stop.set()
        for thread in threads:
            thread.join()
    assert failures == []


@pytest.mark.parametrize("copies", [8, pytest.param(40, marks=pytest.mark.long)])
def test_copies_of_a_busy_service_are_complete(data, jobs, tmp_path, copies):
    with busy(data, seed=1):
        needed = 0
        for number in range(copies):
            copy = tmp_path / f"copy{number}"
            copied = backup(data, copy)
            assert copied.missing == ()
            needed += len(assert_whole(copy))
            [(number_of_jobs,)] = table(copy, "SELECT count(*) FROM jobs")
            assert copied.jobs == number_of_jobs
    assert needed > copies  # else no job waited, and nothing was tested


def test_jobs_are_accepted_while_sequences_are_copied(data, jobs, tmp_path, monkeypatch):
    """While sequences are copied, jobs are accepted; the database is locked for the last few only."""
    for _ in range(20):
        add_job(jobs)
    copy, real, waits = tmp_path / "copy", shutil.copy, []

    def slowly(source, target):
        start = time.monotonic()
        if len(waits) < 20:
            add_job(jobs)
        waits.append(time.monotonic() - start)
        return real(source, target)

    monkeypatch.setattr(backups, "FEW_BYTES", 10)  # so that there is a second round
    monkeypatch.setattr(shutil, "copy", slowly)
    backup(data, copy)
    assert len(assert_whole(copy)) == 40
    assert max(waits) < 5  # while the database is locked it would have waited for 30 s, and failed


def test_the_database_is_locked_while_the_last_sequences_are_copied(
    data, jobs, claims, tmp_path, monkeypatch
):
    """Otherwise a job that ends between the query and the copy would have no sequence in the copy."""
    waiting, real = add_job(jobs), shutil.copy
    refused = []
    monkeypatch.setattr(backups, "MOST_ROUNDS", 0)
    with closing(sqlite3.connect(data / FILE, timeout=0, isolation_level=None)) as impatient:

        def copy_and_meddle(source, target):
            try:
                impatient.execute("UPDATE jobs SET state = 'done'")
            except sqlite3.OperationalError as error:
                refused.append(str(error))
            return real(source, target)

        monkeypatch.setattr(shutil, "copy", copy_and_meddle)
        backup(data, tmp_path / "copy")
        assert refused == ["database is locked"]
        impatient.execute("UPDATE jobs SET name = 'free again'")
    assert assert_whole(tmp_path / "copy") == {waiting}


@pytest.mark.parametrize("when", ["before its turn", "after its turn"])
def test_a_job_may_end_during_the_first_copy(data, jobs, claims, tmp_path, monkeypatch, when):
    add_job(jobs)
    real, early = shutil.copy, when == "before its turn"

    def copy_and_end(source, target):
        if early:
            end_jobs(claims)
        real(source, target)
        end_jobs(claims)

    monkeypatch.setattr(shutil, "copy", copy_and_end)
    assert backup(data, tmp_path / "copy") == Backup(1, 0)
    assert assert_whole(tmp_path / "copy") == set()


# Failures ---------------------------------------------------------------------------------------------------


def test_an_existing_target_is_refused_and_unchanged(data, jobs, tmp_path):
    (tmp_path / "copy").mkdir()
    (tmp_path / "copy" / "old").write_text("an older backup")
    with pytest.raises(UsageError, match="copy exists; give a new folder"):
        backup(data, tmp_path / "copy")
    assert [path.name for path in (tmp_path / "copy").iterdir()] == ["old"]


def test_a_folder_without_service_is_refused_and_not_created(tmp_path):
    with pytest.raises(UsageError, match="nothing is not the folder of a service"):
        backup(tmp_path / "nothing", tmp_path / "copy")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("stage", ["sequences", "database"])
def test_a_full_disk_leaves_no_copy_and_no_lock(data, jobs, tmp_path, monkeypatch, stage):
    add_job(jobs)
    if stage == "sequences":
        monkeypatch.setattr(shutil, "copy", lambda *_: (_ for _ in ()).throw(OSError(28, os.strerror(28))))
    else:  # a database of a thousand pages with room for ten
        with changing(jobs._db):
            jobs._db.execute("CREATE TABLE filler AS SELECT zeroblob(4000000) AS content")
        monkeypatch.setattr(backups, "sqlite3", Small)
    with pytest.raises(StorageError, match="cannot write here"):
        backup(data, tmp_path / "copy")
    assert [path.name for path in tmp_path.iterdir()] == ["service"]
    add_job(jobs)


class Small:
    """sqlite3 for databases of at most ten pages."""

    Connection, OperationalError = sqlite3.Connection, sqlite3.OperationalError

    @staticmethod
    def connect(path, isolation_level):
        connection = sqlite3.connect(path, isolation_level=isolation_level)
        connection.execute("PRAGMA max_page_count = 10")
        return connection


def test_a_damaged_database_is_reported_and_not_copied(data, jobs, tmp_path):
    with changing(jobs._db):
        for _ in range(300):
            jobs._db.execute(
                "INSERT INTO keys VALUES (hex(randomblob(20)), hex(randomblob(20)), 0, hex(randomblob(400)))"
            )
    jobs.close()
    damaged = bytearray((data / FILE).read_bytes())
    for page in range(10, len(damaged) // 4096, 3):
        damaged[page * 4096 : page * 4096 + 200] = os.urandom(200)
    (data / FILE).write_bytes(damaged)
    with pytest.raises(StorageError, match="damaged"):
        backup(data, tmp_path / "copy")
    assert not (tmp_path / "copy").exists()


def test_remains_of_a_killed_backup_are_replaced(data, jobs, tmp_path):
    waiting = add_job(jobs)
    (tmp_path / ".copy.work" / "uploads").mkdir(parents=True)
    (tmp_path / ".copy.work" / "uploads" / waiting).write_text("half of i")
    backup(data, tmp_path / "copy")
    assert assert_whole(tmp_path / "copy") == {waiting}
    assert sorted(path.name for path in tmp_path.iterdir()) == ["copy", "service"]


# The command ------------------------------------------------------------------------------------------------


def gindex_backup(*words):
    app = typer.Typer()
    app.command()(guarded(backup_command))
    return CliRunner().invoke(app, [str(word) for word in words])


def test_the_command_reports_the_copy(data, jobs, tmp_path):
    add_job(jobs)
    lost = add_job(jobs)
    path_of(data, lost).unlink()
    copy = tmp_path / "copy"
    done = gindex_backup(data, copy)
    assert (done.exit_code, done.stdout) == (0, "")
    assert done.stderr == (
        f"copied 2 jobs and 1 sequence to {copy}; to restore, copy it back and start `gindex serve --data` "
        f"with it\nwarning: the sequence of 1 job was missing and not copied: {lost}\n"
    )
    again = gindex_backup(data, copy)
    assert (again.exit_code, again.stderr) == (
        2,
        f"gindex: {copy} exists; give a new folder\n",
    )
