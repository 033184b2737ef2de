"""gindex explain: its text for the demo's queries to the letter, formats, exit codes."""

from __future__ import annotations

import json
import re

import pytest
from gindex_cli.explanation import folded, render
from helpers.command_line import FILE
from helpers.fasta import ROOT
from helpers.terminal import plain

from genome_index import explain_query

GOLDEN = ROOT / "tests" / "golden" / "explanations.txt"
NUMBER = re.compile(r"-?\d[\d,]*\.?\d*")
QUERIES = ("sample", "novel", "stranger")


def words_and_numbers(text):
    """Text with # for each number and single blanks, and the numbers with one unit of their last digit."""
    found = [number.replace(",", "").rstrip(".") for number in NUMBER.findall(text)]
    numbers = [(float(number), 10.0 ** -len(number.partition(".")[2])) for number in found]
    return [re.sub(" +", " ", NUMBER.sub("#", line)).strip() for line in text.splitlines()], numbers


@pytest.fixture(scope="module")
def explained(demo, demo_index):
    return list(explain_query(demo_index, [demo / f"{name}.fasta" for name in QUERIES]))


def test_the_text_of_the_demo_is_the_golden_one(explained):
    """Processors differ in the last bits, so that the last digit of a number may be the next one."""
    words, numbers = words_and_numbers("".join(render(explained)))
    golden_words, golden_numbers = words_and_numbers(GOLDEN.read_text(encoding="utf-8"))
    assert words == golden_words
    for (found, unit), (expected, _) in zip(numbers, golden_numbers, strict=True):
        assert found == pytest.approx(expected, abs=1.01 * unit)


def test_the_command_prints_what_render_does(gindex, demo, demo_index, explained):
    result = gindex("explain", demo / "novel.fasta", "--index", demo_index)
    assert (result.exit_code, result.stdout) == (0, "".join(render(explained[1:2])))


def test_a_terminal_has_the_same_words(monkeypatch, explained):
    monkeypatch.setenv("COLUMNS", "250")
    monkeypatch.setenv("TERM", "xterm")
    drawn = "".join(render(explained[:1], terminal=True))
    assert "\x1b[1m" in drawn
    assert plain(drawn).split() == "".join(render(explained[:1])).split()


def test_inputs_that_fail_have_an_explanation_and_exit_code_1(gindex, demo, demo_index, write_fasta):
    broken = write_fasta("broken.fa", {})
    short = write_fasta("short.fa", {"short": "ACGT"})
    result = gindex("explain", demo / "sample.fasta", broken, short, "--index", demo_index, *FILE)
    assert result.exit_code == 1
    assert result.stdout.splitlines()[0] == "sample: Demobacter simulatus (species), confidence 0.99"
    assert "broken: failed" in result.stdout
    assert "short: qc fail" in result.stdout
    reason = "4 bp is too short to be called: at least 500 bp are required."
    assert f"  failed   input  {reason}\n" in result.stdout
    assert result.stderr.endswith(
        "3 inputs: 1 species, 1 failed, 1 qc fail; the reason is in the explanation of each failed input\n"
    )


def test_json_goes_to_a_file(gindex, demo, demo_index, tmp_path):
    out = tmp_path / "explanations.json"
    words = ("--format", "json", "--output", out, "--exclude-identical")
    result = gindex("explain", demo / "stranger.fasta", "--index", demo_index, *words)
    assert (result.exit_code, result.stdout) == (0, "")
    [document] = json.loads(out.read_text())
    assert (document["query"], document["verdict"], document["version"]) == ("stranger", "novel", 1)
    assert document["provenance"]["snapshot"] == 1


def test_a_number_and_its_unit_stay_on_one_line():
    lines = folded("word " * 18 + "of 95 % of it " + "word " * 5)
    assert [line for line in lines if line.strip().startswith("%")] == []
    assert " ".join(" ".join(lines).split()) == ("word " * 18 + "of 95 % of it " + "word " * 5).strip()
