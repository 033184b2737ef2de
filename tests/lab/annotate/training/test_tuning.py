"""Tuning of annotation models: coordinates are learned, runs go on to the bit, and the commands work."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from helpers.fasta import Gindex
from helpers.marked_genomes import CONTIG, write_marked_genomes

torch = pytest.importorskip("torch", reason="the extra neural is not installed")
for needed in ("safetensors", "tokenizers", "matplotlib"):
    pytest.importorskip(needed, reason="the extra neural is not installed")

from genome_index.errors import UsageError
from genome_index.lab.annotate.corpus.bake import BakePlan, bake
from genome_index.lab.annotate.corpus.windows import WindowPlan
from genome_index.lab.annotate.evaluation.evaluate import MODEL, evaluate
from genome_index.lab.annotate.files.reader import read_annotation
from genome_index.lab.annotate.model.initialise import Choices, make_model, plan_model
from genome_index.lab.annotate.model.upcycle import StartPlan
from genome_index.lab.annotate.prediction.annotate import open_annotator
from genome_index.lab.annotate.training.tuning import TuningPlan, tune
from genome_index.lab.corpus.split import SplitPlan

torch.set_num_threads(1)
WINDOW = 40


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("marked")
    genomes = write_marked_genomes(folder / "genomes", 12)
    plan = BakePlan(
        WindowPlan(WINDOW, WINDOW // 2, 4, both_strands=False), SplitPlan(test=0.2, validation=0.1)
    )
    fasta, gff = (sorted(map(str, genomes.glob(f"*.{ending}"))) for ending in ("fa", "gff"))
    bake(fasta, gff, folder / "corpus", plan)
    return folder / "corpus"


def start(folder: Path, **choices: object) -> Path:
    make_model(plan_model(None, Choices(size="tiny", **{"experts": 0, **choices})), StartPlan(), folder)
    return folder


@pytest.mark.long
def test_the_copying_of_coordinates_is_learned(corpus: Path, tmp_path: Path) -> None:
    model = start(tmp_path / "model")
    tune(corpus, model, tmp_path / "tuned", TuningPlan(steps=320, batch=16, rate=1.5e-3))
    result = evaluate(open_annotator(tmp_path / "tuned"), corpus)
    assert result.scores[MODEL].features["CDS"].f1 >= 0.95  # 1.000 when it was written
    assert result.scores[MODEL].phase_errors == 0


class StopsAt:
    """Progress that interrupts a run after so many steps."""

    def __init__(self, steps: int) -> None:
        self.steps = steps

    def note(self, sentence: str) -> None: ...

    def count(self, inputs: int, base_pairs: int) -> None: ...

    def stage(self, name: str, done: int, total: int) -> None:
        if name.startswith("training") and done == self.steps:
            raise KeyboardInterrupt


@pytest.mark.parametrize(
    ("coordinates", "trained"),
    [
        ("pointers", {"freeze": ("encoder:1", "embeddings:1")}),
        ("text", {"unfreeze_every": 1}),
        ("pointers", {"adapters": 4, "freeze": ("pointers:3",)}),
    ],
    ids=["pointers", "text, gradually", "adapters"],
)
def test_an_interrupted_run_goes_on_to_the_bit(
    corpus: Path, tmp_path: Path, coordinates: str, trained: dict[str, object]
) -> None:
    model = start(tmp_path / "model", coordinates=coordinates)
    plan = TuningPlan(steps=4, batch=2, accumulate=2, **trained)
    tune(corpus, model, tmp_path / "whole", plan)
    with pytest.raises(KeyboardInterrupt):
        tune(corpus, model, tmp_path / "cut", plan, StopsAt(2))
    assert not (tmp_path / "cut" / "model.safetensors").exists()
    tune(corpus, model, tmp_path / "cut", plan)
    whole, cut = ((tmp_path / name / "model.safetensors").read_bytes() for name in ("whole", "cut"))
    assert whole == cut
    with pytest.raises(UsageError, match="a run of other data or another schedule"):
        tune(corpus, model, tmp_path / "cut", TuningPlan(steps=4, batch=3))


@pytest.mark.long
def test_a_run_with_adapters_that_was_killed_goes_on_to_the_bit(corpus: Path, tmp_path: Path) -> None:
    model = start(tmp_path / "model")
    command = [
        sys.executable, "-m", "gindex_cli", "lab", "annotate", "train", corpus, "--model", model,
        "--steps", "40", "--batch", "2", "--adapters", "4", "--freeze", "encoder:20", "--out",
    ]  # fmt: skip
    whole, cut = tmp_path / "whole", tmp_path / "cut"
    subprocess.run([*command, whole], check=True)
    killed = subprocess.Popen([*command, cut])
    while not (cut / "checkpoint.safetensors").exists() and killed.poll() is None:
        time.sleep(0.01)
    killed.kill()
    assert killed.wait() == -signal.SIGKILL
    subprocess.run([*command, cut], check=True)
    assert (whole / "model.safetensors").read_bytes() == (cut / "model.safetensors").read_bytes()


def changed(before: Path, after: Path) -> set[str]:
    """The names of weights that are not the same to the bit."""
    from safetensors.torch import load_file

    old, new = (load_file(folder / "model.safetensors") for folder in (before, after))
    assert old.keys() == new.keys()
    return {name for name, weight in old.items() if not torch.equal(weight, new[name])}


def test_frozen_parts_do_not_change(corpus: Path, tmp_path: Path) -> None:
    model = start(tmp_path / "model")
    freeze = ("embeddings:all", "encoder:1", "pointers:2")
    tune(corpus, model, tmp_path / "tuned", TuningPlan(steps=2, batch=2, decay=0.5, freeze=freeze))
    names = changed(model, tmp_path / "tuned")
    assert not [name for name in names if name.startswith(("bert.embeddings", "pointers"))]
    assert {"bert.encoder.layer.0.mlp.wo.weight", "decoder.layer.0.mlp.wo.weight"} <= names


def test_a_model_reads_windows_as_in_its_training(corpus: Path, tmp_path: Path) -> None:
    """The corpus has the forward strand alone, so what the model makes of the other one is worth nothing."""
    model = start(tmp_path / "model")
    assert open_annotator(model).plan() == WindowPlan()
    tune(corpus, model, tmp_path / "tuned", TuningPlan(steps=1, batch=2))
    assert open_annotator(tmp_path / "tuned").plan() == WindowPlan(WINDOW, WINDOW // 2, 4, both_strands=False)


def test_adapters_end_in_the_weights_of_a_folder_like_all_others(corpus: Path, tmp_path: Path) -> None:
    from safetensors.torch import load_file

    model = start(tmp_path / "model")
    tune(corpus, model, tmp_path / "tuned", TuningPlan(steps=2, batch=2, adapters=2))
    names = changed(model, tmp_path / "tuned")
    adapted = {name for name in names if name.endswith("Wqkv.weight")}
    layers = open_annotator(tmp_path / "tuned").model.config
    assert len(adapted) == layers.layers + layers.decoder_layers
    new = ("pointers.", "phase.", "context.", "head.bias", "crossattention.")
    assert all(any(part in name for part in new) for name in names - adapted)
    before, after = (load_file(folder / "model.safetensors") for folder in (model, tmp_path / "tuned"))
    for name in adapted:
        values = torch.linalg.svdvals((after[name] - before[name]).double())
        assert values[1] > 1e-6 > values[2], name  # the rank is 2


def test_the_commands_from_genomes_to_gff3(
    tmp_path: Path, gindex: Gindex, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("GINDEX_PYRODIGAL", raising=False)  # no such baseline
    genomes = write_marked_genomes(tmp_path / "genomes", 8)
    gff = sorted(genomes.glob("*.gff"))
    annotate = ("lab", "annotate")
    commands = (
        (
            "bake",
            genomes,
            *gff,
            "--out",
            tmp_path / "corpus",
            "--window",
            WINDOW,
            "--stride",
            20,
            "--flank",
            4,
        ),
        ("init", "--size", "tiny", "--experts", 0, "--out", tmp_path / "model"),
        (
            "train",
            tmp_path / "corpus",
            "--model",
            tmp_path / "model",
            "--out",
            tmp_path / "tuned",
            "--steps",
            2,
        ),
    )
    for command in commands:
        done = gindex(*annotate, *command)
        assert done.exit_code == 0, done.output
    done = gindex(*annotate, "evaluate", tmp_path / "tuned", tmp_path / "corpus", "--format", "json")
    assert done.exit_code == 0, done.output
    assert json.loads(done.stdout)["annotated_by"].keys() == {"model", "longest ORF"}
    done = gindex("annotate", genomes / "M00.fa", genomes / "M01.fa", "--model", tmp_path / "tuned")
    assert done.exit_code == 0, done.output
    assert done.stdout.count("##gff-version 3") == 1
    written = tmp_path / "written.gff3"
    written.write_text(done.stdout)
    annotation = read_annotation(written)
    assert not annotation.complaints
    assert [(region.contig, region.end) for region in annotation.regions] == [
        ("M00", CONTIG),
        ("M01", CONTIG),
    ]
    assert not annotation.circular
    done = gindex("annotate", genomes / "M00.fa", "--model", tmp_path / "tuned", "--circular")
    assert done.exit_code == 0, done.output
    written.write_text(done.stdout)
    assert f"M00\tgindex\tregion\t1\t{CONTIG}\t.\t+\t.\tID=M00;Is_circular=true\n" in done.stdout
    assert (read_annotation(written).circular, read_annotation(written).complaints) == ({"M00"}, ())
