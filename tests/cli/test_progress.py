"""Progress: plain lines in a pipe, a live bar on a terminal."""

from __future__ import annotations

import re
import sys
import time

import pytest
from gindex_cli.progress import ProgressLine
from helpers.command_line import FILE, GINDEX
from helpers.terminal import plain, run_on_terminal

HIDE_CURSOR, SHOW_CURSOR = "\x1b[?25l", "\x1b[?25h"
STAGES = """
import sys
from gindex_cli.progress import ProgressLine
with ProgressLine(live="plain" not in sys.argv) as show:
    for done in range(0, 1001, 250):
        show.stage("fitting", done, 1000)
    show.note("a licence")
    show.count(3, 4_200_000)
    {end}
"""


def stages(*words, end="", term="xterm"):
    """What a process draws on a terminal that reports stages."""
    command = [sys.executable, "-c", STAGES.format(end=end), *words]
    return run_on_terminal(command, "stderr", term=term)


@pytest.fixture
def every_line(monkeypatch):
    monkeypatch.setattr("gindex_cli.progress.LINE_EVERY_S", 0.0)


# In a pipe --------------------------------------------------------------------------------------------------


def test_lines_of_progress_where_there_is_no_terminal(gindex, demo_index, queries, every_line):
    lines = gindex("query", *queries, *FILE, "--index", demo_index, "--format", "tsv").stderr.splitlines()
    assert re.fullmatch(r"answered 1 genome, [\d.,]+ genomes/s", lines[0])
    assert re.fullmatch(r"answered 3 genomes, [\d.,]+ genomes/s", lines[2])


def test_a_line_every_ten_seconds(monkeypatch, capsys):
    moment = 100.0
    monkeypatch.setattr(time, "monotonic", lambda: moment)
    show = ProgressLine()
    for done in range(30):
        moment += 1
        show.stage("reading", done, 40)
    assert capsys.readouterr().err == (
        "reading 9 of 40, 1/s, 31 s left\n"
        "reading 19 of 40, 1/s, 21 s left\n"
        "reading 29 of 40, 1/s, 11 s left\n"
    )


def test_rate_and_time_left_begin_again_with_a_stage(monkeypatch, capsys, every_line):
    moment = 100.0
    monkeypatch.setattr(time, "monotonic", lambda: moment)
    show = ProgressLine()
    for seconds, name, done, total in (
        (0, "reading", 0, 10), (2, "reading", 5, 10), (0, "reading", 2, 10), (9, "reading", 3, 10),
        (0, "writing", 0, 1), (5, "fitting", 0, 4000), (1, "fitting", 40, 4000),
    ):  # fmt: skip
        moment += seconds
        show.stage(name, done, total)
    assert capsys.readouterr().err.splitlines() == [
        "reading 0 of 10", "reading 5 of 10, 2.5/s, 2 s left", "reading 2 of 10",
        "reading 3 of 10, 0.11/s, 63 s left", "writing", "fitting 0 of 4,000",
        "fitting 40 of 4,000, 40/s, 99 s left",
    ]  # fmt: skip


def test_input_that_is_counted_has_no_end(monkeypatch, capsys, every_line):
    moment = 100.0
    monkeypatch.setattr(time, "monotonic", lambda: moment)
    show = ProgressLine()
    moment += 4
    show.count(1, 1_000_000)
    show.count(1200, 8_000_000_000)
    show.through("embedded", 20)
    assert capsys.readouterr().err.splitlines() == [
        "read 1 genome, 1.0 Mbp, 0.25 Mbp/s",
        "read 1,200 genomes, 8,000.0 Mbp, 2,000 Mbp/s",
        "embedded 20 genomes, 5 genomes/s",
    ]


# On a terminal ----------------------------------------------------------------------------------------------


def test_a_terminal_has_a_bar_and_nothing_is_left_of_it():
    done, drawn = stages()
    assert (done.returncode, done.stdout) == (0, "")
    assert "━" in drawn
    assert "read" in plain(drawn)
    assert "3 genomes, 4.2 Mbp, " in plain(drawn)
    assert plain(drawn).count("note: a licence\n") == 1
    assert drawn.startswith(HIDE_CURSOR)
    assert drawn.rindex(SHOW_CURSOR) > drawn.rindex("━")
    assert re.search(r"\x1b\[2K(\x1b\[1A\x1b\[2K)*$", drawn)  # the line of the bar is erased at the end


def test_the_bar_shows_amount_and_rate():
    wait = "show.stage('fitting', 0, 1000); time.sleep(0.2); show.stage('fitting', 250, 1000)"
    _, drawn = stages(end=f"import time; {wait}; time.sleep(0.2); show.stage('fitting', 500, 1000)")
    assert re.search(r"fitting [━╺╸]+ 500 of 1,000 [\d.,]+/s \d\d:\d\d", plain(drawn))


@pytest.mark.parametrize("end", ["raise SystemExit(3)", "raise KeyboardInterrupt"])
def test_a_command_that_ends_early_gives_the_cursor_back(end):
    done, drawn = stages(end=end)
    assert done.returncode != 0
    assert drawn.rindex(SHOW_CURSOR) > drawn.rindex(HIDE_CURSOR)


@pytest.mark.parametrize("term", ["dumb", "unknown"])
def test_a_terminal_that_cannot_redraw_a_line_has_none(term):
    done, drawn = stages(term=term)
    assert (done.returncode, drawn) == (0, "note: a licence\n")


def test_no_bar_where_results_go_to_the_same_terminal():
    assert stages("plain")[1] == "note: a licence\n"


def test_query_shows_a_bar_beside_a_pipe(demo, demo_index):
    query = [GINDEX, "query", demo / "sample.fasta", demo / "novel.fasta", *FILE, "--index", demo_index]
    done, drawn = run_on_terminal([*query, "--format", "tsv"], "stderr")
    assert len(done.stdout.splitlines()) == 3
    assert "answered" in plain(drawn)
    assert plain(drawn).endswith("2 inputs: 1 species, 1 genus\n")


def test_a_loss_in_the_name_of_a_stage_does_not_begin_it_again(monkeypatch, capsys, every_line):
    moment = 100.0
    monkeypatch.setattr(time, "monotonic", lambda: moment)
    show = ProgressLine()
    for done in (101, 102, 103):  # of a run that goes on after 100 steps
        moment += 4
        show.stage(f"training: loss {9 - done / 100:.2f}, step", done, 200)
    assert capsys.readouterr().err.splitlines() == [
        "training: loss 7.99, step 101 of 200",
        "training: loss 7.98, step 102 of 200, 0.25/s, 392 s left",
        "training: loss 7.97, step 103 of 200, 0.25/s, 388 s left",
    ]
