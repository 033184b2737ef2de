"""Contrastive training of a bidirectional SLiM Performer: fragments of one species near, of others far.

A pair is a fragment and a window with the same locus (homologous_pairs.py), or two fragments of a species
without overlap (disjoint_pairs.py), each on a random strand and in a random frame. The vector of a fragment
is the mean of the last hidden states over its tokens, as in an index, without a head. As there, vectors are
centred; otherwise all would collapse. In the first third of the steps the loss is weighted SimCLR; then
MI-Mix: at a random layer the hidden states of one side are mixed with those of another pair (Zhou et al.
2024, arXiv 2402.08777). Both are means over vectors cut to several sizes, so that the first entries carry the
most (`losses.nested`).
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
    ModelSize,
    check_length,
    choose_tokenizer,
    framed,
    model_size,
    padded,
    redrawn,
    save_model,
    schedule_of,
)
from genome_index.lab.training.run_card import Card, Display, Schedule, write_card
from genome_index.lab.training.runs import train
from genome_index.lab.training.validation import network_scores, spectrum_scores, validation_views
from genome_index.records import Progress, quiet

# Those of the run that learned most. The run with six-mers side by side, at a rate of 0.001, ended where it
# began: LOG.md, 2026-11-22.
SIZE, TOKENIZER, LENGTHS_BP, RATE = "little", "kmers-overlapping:6", (500, 1_000), 1e-2
PLAIN = 1 / 3  # share of the steps before vectors are mixed
SMALLEST = 32  # size of the smallest trained vector; each other one is twice as wide, up to the whole
EXAMINED, EXAMINED_BP = 256, 1_000  # validation pairs
RANKED_FIRST = f"percent of partners found first, {EXAMINED_BP} bp, validation"
NEARER = f"percent of others that are farther than the partner, {EXAMINED_BP} bp, validation"  # 50 by chance
READ = 16  # pieces of a validation genome at once

PairKind = Literal["homologous", "apart"]


class Batches(Protocol):
    """Both sides of the pairs of a step, (B,) each, and the random generator of the step."""

    @property
    def seed(self) -> int: ...

    def at(self, step: int) -> tuple[list[Codes], list[Codes], np.random.Generator]: ...


def contrast(
    corpus: Path, out: Path, size: str = SIZE, begin: Path | None = None,
    lengths_bp: Sequence[int] = LENGTHS_BP, tokenizer: str = TOKENIZER, steps: int = 0,
    rate: float = RATE, seed: int = 0, kind: PairKind = "homologous", progress: Progress = quiet,
) -> Card:  # fmt: skip
    """Train a network on pairs, or continue; `out` becomes a model folder, with the run's files.

    It starts with the weights and the tokenizer of the folder `begin`, or else with random weights and no
    position embeddings: the position in a fragment says nothing about the position in a genome.

    Raises
    ------
    UsageError, InputError, ModelError
    """
    for length in lengths_bp:
        check_length(length)
    settings, shards = model_size(size), Shards.open(corpus)
    network, chosen = _start(settings, shards, begin, tokenizer, seed)
    network.to(best_device().name)
    pairs = pairs_of(kind, shards, tuple(lengths_bp), settings.pairs, seed)
    plan = schedule_of(settings, steps, rate, seed)
    tokens = _longest_tokens(pairs, chosen, len(lengths_bp) ** 2)
    step_tokens = settings.pairs * 2 * sum(tokens) // len(tokens)
    command = _command(corpus, out, size, begin, lengths_bp, tokenizer, plan, kind)
    initial = digest(begin) if begin else "random weights"
    data = (
        f"{shards.digest} contrast {tuple(lengths_bp)} bp {settings.pairs} pairs {kind} {tokenizer} "
        f"{initial} {asdict(network.config)}"
    )
    before = examined(network, chosen, shards, seed, max(lengths_bp))
    loss_at = loss_of_step(network, chosen, pairs, plan.steps)
    display = Display(tokens=step_tokens, command=command)
    card = train(out, network, loss_at, plan, data, progress, display)
    save_model(network, chosen, out, max(tokens))
    if before:
        after = examined(network, chosen, shards, seed, max(lengths_bp))
        spectrum = spectrum_scores(validation_views(shards, seed))
        untrained = {f"{name}, before": score for name, score in before.items()}
        card = replace(card, scores={**untrained, **after, **spectrum})
        write_card(card, out)
    return card


def pairs_of(kind: PairKind, shards: Shards, lengths_bp: tuple[int, ...], size: int, seed: int) -> Batches:
    """The training pairs of a kind; UsageError for an unknown one."""
    if kind not in get_args(PairKind):
        raise UsageError(f"--pairs {kind}: choose one of {', '.join(get_args(PairKind))}")
    batches = Homologous if kind == "homologous" else Species
    return batches(shards, "train", lengths_bp, size, seed)


def examined(
    network: SlimPerformer, tokenizer: LabTokenizer, shards: Shards, seed: int, chunk_bp: int
) -> dict[str, float]:
    """All validation scores, over the same genomes every time; {} without validation genomes."""
    if not len(shards.numbers("validation")):
        return {}

    def read(pieces: Sequence[Codes]) -> npt.NDArray[np.float32]:
        rows = []
        for at in range(0, len(pieces), READ):
            ids, mask = _batch(network, [tokenizer.ids(piece) for piece in pieces[at : at + READ]])
            tokens = mask.sum(1, keepdim=True).float()
            rows.append(torch.cat([vectors(network, ids, mask) * tokens, tokens], 1).cpu().numpy())
        return np.concatenate(rows)

    training = network.training
    network.eval()
    with torch.inference_mode():
        scores = partner_scores(network, tokenizer, shards, seed)
        scores |= network_scores(validation_views(shards, seed), read, chunk_bp)
    network.train(training)
    return scores


def loss_of_step(
    network: SlimPerformer, tokenizer: LabTokenizer, pairs: Batches, steps: int
) -> Callable[[int], Tensor]:
    """The function from a step to its loss for `runs.train`: weighted SimCLR first, then MI-Mix."""
    sizes = sizes_of(network.config.width)

    def loss_at(step: int) -> Tensor:
        redrawn(network, pairs.seed, step)
        left, right, draws = pairs.at(step)
        ids, mask = _batch(network, [framed(codes, tokenizer, draws) for codes in left])
        plain = vectors(network, *_batch(network, [framed(codes, tokenizer, draws) for codes in right]))
        if step < PLAIN * steps:
            return nested(weighted_simclr, *centred(vectors(network, ids, mask), plain), sizes)
        mix = drawn_mix(len(left), network.config.layers, draws)
        other, share = (tensor.to(ids.device) for tensor in (mix.other, mix.share))
        mixed = mixed_vectors(network, ids, mask, mix.layer, other, share)
        return nested(lambda one, two: mixed_simclr(one, two, other, share), *centred(mixed, plain), sizes)

    return loss_at


class Mix(NamedTuple):
    """The mixture of one side of B pairs."""

    layer: int  # whose hidden states are mixed; 0 is the embedding
    other: Tensor  # (B,) the pair that each is mixed with
    share: Tensor  # (B,) of the own pair, at least 0.5


def drawn_mix(pairs: int, layers: int, draws: np.random.Generator) -> Mix:
    """A layer below the last, a permutation, and shares max(s, 1 - s) with s of Beta(1, 1)."""
    layer, other, share = int(draws.integers(layers)), draws.permutation(pairs), draws.random(pairs)
    return Mix(layer, torch.from_numpy(other), torch.from_numpy(np.maximum(share, 1 - share)).float())


def vectors(network: SlimPerformer, ids: Tensor, mask: Tensor) -> Tensor:
    """The mean of the last hidden states over the tokens of each row: (B, T), (B, T) -> (B, width)."""
    return _mean(network(ids, mask), mask)


def centred(one: Tensor, two: Tensor) -> tuple[Tensor, Tensor]:
    """Both without the mean of all rows: (B, D), (B, D) -> the same.

    The part that all fragments share, such as the positions, is nearly the whole of an untrained vector. All
    cosines are then 1, and weighted SimCLR stays at log(2B - 1), at any learning rate.
    """
    centre = torch.cat([one, two]).mean(0)
    return one - centre, two - centre


def mixed_vectors(
    network: SlimPerformer, ids: Tensor, mask: Tensor, layer: int, other: Tensor, share: Tensor
) -> Tensor:
    """As `vectors`, with the states of a layer mixed, at positions where both fragments have a token."""
    x = network.through(network.embed(ids), mask, slice(layer))
    own = share[:, None, None].to(x.dtype)
    x, mask = own * x + (1 - own) * x[other], mask & mask[other]
    return _mean(network.norm(network.through(x, mask, slice(layer, None))), mask)


def sizes_of(width: int) -> list[int]:
    """The sizes of the trained vectors.

    >>> sizes_of(192)
    [32, 64, 128, 192]
    """
    doubled = [SMALLEST * 2**power for power in range(width.bit_length())]
    return [*(size for size in doubled if size < width), width]


def partner_scores(
    network: SlimPerformer, tokenizer: LabTokenizer, shards: Shards, seed: int
) -> dict[str, float]:
    """The rank of validation fragments' disjoint partners among the partners of all pairs.

    Pairs of EXAMINED genera at most, the same each time, of EXAMINED_BP.
    """
    left, right, draws = Species(shards, "validation", (EXAMINED_BP,), EXAMINED, seed).at(0)
    rows = [[framed(codes, tokenizer, draws) for codes in side] for side in (left, right)]
    one, two = centred(*(vectors(network, *_batch(network, side)) for side in rows))
    scores = normalize(one, dim=1) @ normalize(two, dim=1).T  # (B, B)
    farther = (scores < scores.diagonal()[:, None]).float().sum(1)  # (B,)
    others = len(left) - 1
    return {
        RANKED_FIRST: round(100 * float((farther == others).float().mean()), 2),
        NEARER: round(100 * float((farther / others).mean()), 2),
    }


def _start(
    size: ModelSize, shards: Shards, begin: Path | None, tokenizer: str, seed: int
) -> tuple[SlimPerformer, LabTokenizer]:
    """The network before the first step, and its tokenizer."""
    if begin is None:
        chosen = choose_tokenizer(tokenizer, shards, seed)
        return size.network(chosen.vocabulary, causal=False, head=False, seed=seed, places=False), chosen
    folder = find_model(str(begin))
    config = read_config(folder)
    if not is_slim(config):
        raise ModelError(str(begin), "it has no SLiM Performer; give a folder of `gindex lab pretrain`")
    pretrained = open_slim(folder, config)[0].network
    network = SlimPerformer(replace(pretrained.config, causal=False))
    network.load_state_dict(pretrained.state_dict())
    return network, load_tokenizer(folder / SAVED_TOKENIZER)


def _batch(network: SlimPerformer, rows: Sequence[Ids]) -> tuple[Tensor, Tensor]:
    ids, mask = padded(rows)
    device = network.embedding.weight.device
    return ids.to(device), mask.to(device)


def _mean(states: Tensor, mask: Tensor) -> Tensor:
    weights = mask[:, :, None].float()
    return (states.float() * weights).sum(1) / weights.sum(1)


def _longest_tokens(pairs: Batches, tokenizer: LabTokenizer, steps: int) -> list[int]:
    """Tokens of the longest fragment of each side, over the steps with all combinations of lengths."""
    longest = []
    for step in range(steps):
        left, right, draws = pairs.at(step)
        longest += [max(len(framed(codes, tokenizer, draws)) for codes in side) for side in (left, right)]
    return longest


def _command(
    corpus: Path, out: Path, size: str, begin: Path | None, lengths_bp: Sequence[int], tokenizer: str,
    plan: Schedule, kind: PairKind,
) -> str:  # fmt: skip
    start = f"--from {quote(str(begin))}" if begin else f"--tokenizer {quote(tokenizer)}"
    lengths = " ".join(f"--length {bp}" for bp in lengths_bp)
    return (
        f"gindex lab contrast {quote(str(corpus))} --out {quote(str(out))} --size {size} {start} {lengths} "
        f"--pairs {kind} --steps {plan.steps} --rate {plan.rate} --seed {plan.seed}"
    )
