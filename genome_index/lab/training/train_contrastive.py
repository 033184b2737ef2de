"""Contrast: fragments of one species near, those of others far, for a SLiM Performer that reads both ways.

A pair is a fragment and a window that holds the same place (`homology.py`); or, of the older kind, two
fragments of a species that do not overlap. Each is of a random strand and frame. The vector of a fragment is
the mean of the last hidden states over its tokens, as an index takes it; no head comes between. As there,
vectors are centred first, or all would fall together. In the first third of the steps the loss is weighted
SimCLR; then MI-Mix: at a random layer the hidden states of a pair's one side are mixed with another pair's
(Zhou et al. 2024, arXiv 2402.08777). Either is the mean over vectors cut to several sizes, so that the first
entries hold the most (`losses.nested`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from shlex import quote
from typing import Literal, NamedTuple, Protocol, get_args

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.nn.functional import normalize

from genome_index.encoders.batching import best_device
from genome_index.encoders.checkpoint import SAVED_TOKENIZER, digest, find_model, read_config
from genome_index.encoders.networks.performer import SlimPerformer
from genome_index.encoders.networks.performer_folder import is_slim, open_slim
from genome_index.errors import ModelError, UsageError
from genome_index.lab.corpus.packing import Codes
from genome_index.lab.corpus.shards import Shards
from genome_index.lab.pairs.disjoint_pairs import Species
from genome_index.lab.pairs.homologous_pairs import Homologous
from genome_index.lab.tokenizers.kmers import LabTokenizer, load_tokenizer
from genome_index.lab.tokenizers.special_ids import Ids
from genome_index.lab.training.losses import mixed_simclr, nested, weighted_simclr
from genome_index.lab.training.model_sizes import (
    DEFAULT_TOKENIZER,
    Dial,
    check_length,
    choose_tokenizer,
    dial_of,
    framed,
    padded,
    redrawn,
    save_model,
    schedule_of,
)
from genome_index.lab.training.runs import Card, Schedule, Told, train, write_card
from genome_index.lab.training.validation import asked_views, network_scores, spectrum_scores
from genome_index.records import Progress, quiet

LENGTHS_BP = (500, 1_000, 2_000)
RATE = 1e-3
PLAIN = 1 / 3  # of the steps, before vectors are mixed
SMALLEST = 32  # vector that is trained; the others are twice as wide each, up to the whole
EXAMINED, EXAMINED_BP = 256, 1_000  # validation pairs
FOUND = f"percent of partners found first, {EXAMINED_BP} bp, validation"
NEARER = f"percent of others that are farther than the partner, {EXAMINED_BP} bp, validation"  # 50 by chance
READ = 16  # pieces of a validation genome at once

Learner = Callable[[int], Tensor]
PairKind = Literal["homologous", "apart"]


class Batches(Protocol):
    """Both sides of the pairs of a step, (B,) each, and the draws that go with it."""

    @property
    def seed(self) -> int: ...

    def at(self, step: int) -> tuple[list[Codes], list[Codes], np.random.Generator]: ...


def contrast(
    corpus: Path, out: Path, size: str = "small", begin: Path | None = None,
    lengths_bp: Sequence[int] = LENGTHS_BP, tokenizer: str = DEFAULT_TOKENIZER, steps: int = 0,
    rate: float = RATE, seed: int = 0, kind: PairKind = "homologous", progress: Progress = quiet,
) -> Card:  # fmt: skip
    """Train a network on pairs, or go on; `out` then is a model folder, with the run beside.

    It begins with the weights and the tokenizer of the folder `begin`, or else with random ones, and then
    without places: where a token stands in its fragment says nothing of where that lies in a genome.

    Raises
    ------
    UsageError, InputError, ModelError
    """
    for length in lengths_bp:
        check_length(length)
    dial, shards = dial_of(size), Shards.open(corpus)
    network, words = _start(dial, shards, begin, tokenizer, seed)
    network.to(best_device().name)
    pairs = pairs_of(kind, shards, tuple(lengths_bp), dial.pairs, seed)
    plan = schedule_of(dial, steps, rate, seed)
    shapes = _shapes(pairs, words, len(lengths_bp) ** 2)
    a_step = dial.pairs * 2 * sum(shapes) // len(shapes)
    told = Told(tokens=a_step, command=_command(corpus, out, size, begin, lengths_bp, tokenizer, plan, kind))
    begun_with = digest(begin) if begin else "random weights"
    data = (
        f"{shards.digest} contrast {tuple(lengths_bp)} bp {dial.pairs} pairs {kind} {tokenizer} "
        f"{begun_with} {asdict(network.config)}"
    )
    before = examined(network, words, shards, seed, max(lengths_bp))
    card = train(out, network, learner(network, words, pairs, plan.steps), plan, data, progress, told)
    save_model(network, words, out, max(shapes))
    if before:
        after = examined(network, words, shards, seed, max(lengths_bp))
        spectrum = spectrum_scores(asked_views(shards, seed))
        untrained = {f"{name}, before": one for name, one in before.items()}
        card = replace(card, scores={**untrained, **after, **spectrum})
        write_card(card, out)
    return card


def pairs_of(kind: PairKind, shards: Shards, lengths_bp: tuple[int, ...], size: int, seed: int) -> Batches:
    """What is trained on, or UsageError."""
    if kind not in get_args(PairKind):
        raise UsageError(f"--pairs {kind}: choose one of {', '.join(get_args(PairKind))}")
    made = Homologous if kind == "homologous" else Species
    return made(shards, "train", lengths_bp, size, seed)


def examined(
    network: SlimPerformer, words: LabTokenizer, shards: Shards, seed: int, chunk_bp: int
) -> dict[str, float]:
    """All validation scores, each over the same genomes every time; {} without any."""
    if not len(shards.numbers("validation")):
        return {}

    def read(pieces: Sequence[Codes]) -> npt.NDArray[np.float32]:
        found = []
        for at in range(0, len(pieces), READ):
            ids, mask = _batch(network, [words.ids(one) for one in pieces[at : at + READ]])
            tokens = mask.sum(1, keepdim=True).float()
            found.append(torch.cat([vectors(network, ids, mask) * tokens, tokens], 1).cpu().numpy())
        return np.concatenate(found)

    was = network.training
    network.eval()
    with torch.inference_mode():
        scores = partners_found(network, words, shards, seed)
        scores |= network_scores(asked_views(shards, seed), read, chunk_bp)
    network.train(was)
    return scores


def learner(network: SlimPerformer, words: LabTokenizer, pairs: Batches, steps: int) -> Learner:
    """What `runs.train` asks for a step's loss: the curriculum."""
    sizes = sizes_of(network.config.width)

    def learn(step: int) -> Tensor:
        redrawn(network, pairs.seed, step)
        left, right, draws = pairs.at(step)
        ids, mask = _batch(network, [framed(one, words, draws) for one in left])
        plain = vectors(network, *_batch(network, [framed(one, words, draws) for one in right]))
        if step < PLAIN * steps:
            return nested(weighted_simclr, *centred(vectors(network, ids, mask), plain), sizes)
        mix = drawn_mix(len(left), network.config.layers, draws)
        other, share = (one.to(ids.device) for one in (mix.other, mix.share))
        mixed = mixed_vectors(network, ids, mask, mix.layer, other, share)
        return nested(lambda one, two: mixed_simclr(one, two, other, share), *centred(mixed, plain), sizes)

    return learn


class Mix(NamedTuple):
    """How the one sides of B pairs are mixed."""

    layer: int  # whose hidden states; 0 is the embedding
    other: Tensor  # (B,) the pair that each is mixed with
    share: Tensor  # (B,) of its own, 0.5 at least


def drawn_mix(pairs: int, layers: int, draws: np.random.Generator) -> Mix:
    """A layer below the last, a permutation, and shares of Beta(1, 1), each or what it leaves of 1."""
    layer, other, share = int(draws.integers(layers)), draws.permutation(pairs), draws.random(pairs)
    return Mix(layer, torch.from_numpy(other), torch.from_numpy(np.maximum(share, 1 - share)).float())


def vectors(network: SlimPerformer, ids: Tensor, mask: Tensor) -> Tensor:
    """The mean of the last hidden states over the tokens of each row: (B, T), (B, T) -> (B, width)."""
    return _mean(network(ids, mask), mask)


def centred(one: Tensor, two: Tensor) -> tuple[Tensor, Tensor]:
    """Both less the mean of all rows: (B, D), (B, D) -> the same.

    What all fragments share, such as where tokens stand, is nearly the whole of an untrained vector. Cosines
    are then 1 for all pairs, and weighted SimCLR stays there: log(2B - 1), whatever the learning rate.
    """
    middle = torch.cat([one, two]).mean(0)
    return one - middle, two - middle


def mixed_vectors(
    network: SlimPerformer, ids: Tensor, mask: Tensor, layer: int, other: Tensor, share: Tensor
) -> Tensor:
    """As `vectors`, but with states of a layer mixed; both fragments of a mix have to have a token there."""
    x = network.through(network.embed(ids), mask, slice(layer))
    own = share[:, None, None].to(x.dtype)
    x, mask = own * x + (1 - own) * x[other], mask & mask[other]
    return _mean(network.norm(network.through(x, mask, slice(layer, None))), mask)


def sizes_of(width: int) -> list[int]:
    """The sizes of vector that are trained.

    >>> sizes_of(192)
    [32, 64, 128, 192]
    """
    doubled = [SMALLEST * 2**power for power in range(width.bit_length())]
    return [*(size for size in doubled if size < width), width]


def partners_found(
    network: SlimPerformer, words: LabTokenizer, shards: Shards, seed: int
) -> dict[str, float]:
    """How near validation fragments are to partners that lie apart, among all others' partners.

    Pairs of EXAMINED genera at most, the same each time, of EXAMINED_BP.
    """
    left, right, draws = Species(shards, "validation", (EXAMINED_BP,), EXAMINED, seed).at(0)
    rows = [[framed(one, words, draws) for one in side] for side in (left, right)]
    one, two = centred(*(vectors(network, *_batch(network, side)) for side in rows))
    scores = normalize(one, dim=1) @ normalize(two, dim=1).T  # (B, B)
    farther = (scores < scores.diagonal()[:, None]).float().sum(1)  # (B,)
    others = len(left) - 1
    return {
        FOUND: round(100 * float((farther == others).float().mean()), 2),
        NEARER: round(100 * float((farther / others).mean()), 2),
    }


def _start(
    dial: Dial, shards: Shards, begin: Path | None, tokenizer: str, seed: int
) -> tuple[SlimPerformer, LabTokenizer]:
    """The network as it is before the first step, and its tokenizer."""
    if begin is None:
        words = choose_tokenizer(tokenizer, shards, seed)
        return dial.network(words.vocabulary, causal=False, head=False, seed=seed, places=False), words
    folder = find_model(str(begin))
    config = read_config(folder)
    if not is_slim(config):
        raise ModelError(str(begin), "it holds no SLiM Performer; give a folder of `gindex lab pretrain`")
    known = open_slim(folder, config)[0].network
    network = SlimPerformer(replace(known.config, causal=False))
    network.load_state_dict(known.state_dict())
    return network, load_tokenizer(folder / SAVED_TOKENIZER)


def _batch(network: SlimPerformer, rows: Sequence[Ids]) -> tuple[Tensor, Tensor]:
    ids, mask = padded(rows)
    device = network.embedding.weight.device
    return ids.to(device), mask.to(device)


def _mean(states: Tensor, mask: Tensor) -> Tensor:
    weights = mask[:, :, None].float()
    return (states.float() * weights).sum(1) / weights.sum(1)


def _shapes(pairs: Batches, words: LabTokenizer, steps: int) -> list[int]:
    """Tokens of the longest fragment of each side, over the steps in which all lengths meet."""
    found = []
    for step in range(steps):
        left, right, draws = pairs.at(step)
        found += [max(len(framed(one, words, draws)) for one in side) for side in (left, right)]
    return found


def _command(
    corpus: Path, out: Path, size: str, begin: Path | None, lengths_bp: Sequence[int], tokenizer: str,
    plan: Schedule, kind: PairKind,
) -> str:  # fmt: skip
    words = f"--from {quote(str(begin))}" if begin else f"--tokenizer {quote(tokenizer)}"
    lengths = " ".join(f"--length {bp}" for bp in lengths_bp)
    return (
        f"gindex lab contrast {quote(str(corpus))} --out {quote(str(out))} --size {size} {words} {lengths} "
        f"--pairs {kind} --steps {plan.steps} --rate {plan.rate} --seed {plan.seed}"
    )
