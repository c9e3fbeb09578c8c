"""`python -m numerics real-data`: the models on real sequences, those of the toolkit or the user's own."""

from __future__ import annotations

import argparse
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

from numerics.command_line import add_jobs, jobs_from
from numerics.executor import processes
from numerics.real_data.arrangements import ARRANGEMENTS
from numerics.real_data.comparison import ModelSummary, compare
from numerics.real_data.discrepancy import PROPERTIES, Discrepancy, discrepancy
from numerics.real_data.resampling import ResampledMean
from numerics.real_data.sequence_data import load_sequences
from numerics.real_data.sources import TRAINING_SEQUENCES, GivenSource, ImageSource, Source
from numerics.streams import stream
from theory.arguments import ArgumentError
from theory.command_line import new_parser, print_json, whole_number

DEFAULTS = {"arrangement": "embedded", "tokens": 16, "relevant": 2}
SAVING = 71
"""Number that names the stream of saved sequences."""


def add_real_data(commands: Any, prog: str) -> None:
    """Add the command."""
    parser = new_parser(
        "real-data",
        "Train prompt-attention and other models on real sequences: accuracy, attention, and what theory predicts.",
        f"{prog} real-data --arrangement embedded --tokens 16 --relevant 2 --samples 100 --splits 4",
        commands,
    )
    parser.add_argument(
        "--data",
        type=Path,
        metavar="FILE.npz",
        help="your own sequences: arrays tokens (n, T, d), labels (n,) of 1 and -1, and if known relevance (n, T) of "
        "true and false; groups (n,), whole numbers, for sequences that must not be divided",
    )
    group = parser.add_argument_group("digits among other patches, without --data")
    group.add_argument("--arrangement", choices=ARRANGEMENTS, help="what the digits stand among (default embedded)")
    group.add_argument("--tokens", type=whole_number, metavar="T", help="patches, from 1 to 64 (default 16)")
    group.add_argument("--relevant", type=whole_number, metavar="R", help="digits among them (default 2)")
    group.add_argument(
        "--save",
        type=Path,
        metavar="FILE.npz",
        help="write N sequences there, in the form of --data, and train none; their groups share no image",
    )
    parser.add_argument(
        "--ladder",
        action="store_true",
        help="show how far the theory carries instead: three steps predicted, on surrogates, and on the data",
    )
    group = parser.add_argument_group("training")
    group.add_argument(
        "--samples",
        type=whole_number,
        metavar="N",
        help=f"sequences for training (default {TRAINING_SEQUENCES}; with --data all that a split leaves)",
    )
    group.add_argument("--splits", type=whole_number, default=20, metavar="J", help="random splits (default 20)")
    group.add_argument("--seed", type=whole_number, default=0, metavar="SEED", help="default 0")
    add_jobs(group)
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.set_defaults(run=real_data_command)


def real_data_command(options: argparse.Namespace) -> int:
    """Compare the models, climb the ladder, or write sequences to a file."""
    source, jobs = _source_from(options), jobs_from(options)
    if options.seed < 0:
        raise ArgumentError("--seed", "be a whole number of at least 0", options.seed)
    if options.splits < 2:
        raise ArgumentError("--splits", "be a whole number of at least 2", options.splits)
    if options.save is not None:
        return _save(source, options)
    run = discrepancy if options.ladder else compare
    start = time.perf_counter()
    with processes(jobs) as executor:
        found = run(
            source,
            options.samples,
            splits=options.splits,
            seed=options.seed,
            executor=executor,
            progress="real data, splits",
        )
    seconds = time.perf_counter() - start
    if options.json:
        settings = {"samples": options.samples, "splits": options.splits, "seed": options.seed, "seconds": seconds}
        result = {"ladder": asdict(found)} if isinstance(found, Discrepancy) else {"models": list(map(asdict, found))}
        print_json({**_named(options), **settings, **result})
        return 0
    print("\n".join(_ladder(found) if isinstance(found, Discrepancy) else _table(found)))
    print(
        f"{options.splits} splits, seed {options.seed}, {seconds:.1f} seconds; intervals are for new data sets like it"
    )
    return 0


def _source_from(options: argparse.Namespace) -> Source:
    """Return where the sequences come from."""
    if options.data is None:
        named = _named(options)
        return ImageSource(named["arrangement"], named["tokens"], named["relevant"])
    for name in (*DEFAULTS, "save"):
        if getattr(options, name) is not None:
            raise ArgumentError(f"--{name}", "be left out with --data", getattr(options, name))
    return GivenSource(load_sequences(options.data))


def _named(options: argparse.Namespace) -> dict[str, Any]:
    """Return what names the sequences."""
    if options.data is not None:
        return {"data": str(options.data)}
    return {
        name: default if getattr(options, name) is None else getattr(options, name)
        for name, default in DEFAULTS.items()
    }


def _save(source: Source, options: argparse.Namespace) -> int:
    """Write sequences, their patches without brightness and contrast; they are whitened when they are used."""
    if not isinstance(source, ImageSource):
        raise ArgumentError("--save", "be left out with --data", options.save)
    samples = TRAINING_SEQUENCES if options.samples is None else options.samples
    sequences = source.folds(samples, stream(options.seed, SAVING))
    sequences.save(options.save)
    if options.json:
        shape = sequences.tokens.shape
        print_json({**_named(options), "saved": str(options.save), "shape": shape, "seed": options.seed})
    else:
        print(options.save)
    return 0


def _table(models: list[ModelSummary]) -> list[str]:
    """Return what is printed of a comparison."""
    head = f"{'':18} {'test accuracy, 95 % interval':30} {'over pooling':>13}  attention on the relevant tokens"
    return [head, *map(_line, models)]


def _line(model: ModelSummary) -> str:
    """Return what is printed of one model."""
    low, high = model.accuracy.interval
    text = f"{model.model:18} {model.accuracy.mean:.3f}  ({low:.3f} to {min(high, 1):.3f})"
    advantage = "" if model.advantage is None else f"{model.advantage.mean:+.3f}"
    text = f"{text:49} {advantage:>13}  {_course(model.share_before, model.share_during, model.share_after)}"
    if model.predicted_accuracy is not None and model.predicted_share is not None:
        text += f"  (theory: accuracy {model.predicted_accuracy.mean:.3f}, attention {model.predicted_share.mean:.3f})"
    return text.rstrip()


def _course(*shares: ResampledMean | None) -> str:
    """Return the attention on its way."""
    return " -> ".join(f"{share.mean:.3f}" for share in shares if share is not None)


def _ladder(found: Discrepancy) -> list[str]:
    """Return what is printed of a ladder."""
    lines = [f"{'':13} {'test error, 95 % interval':27} {'attention':>9} {'adds':>7}  what comes in"]
    for rung in (*found.rungs, found.noisy_theory):
        low, high = rung.error.interval
        adds = "" if rung.step is None else f"{rung.step.mean:+.3f}"
        error = f"{rung.error.mean:.3f}  ({max(low, 0):.3f} to {min(high, 1):.3f})"
        line = f"{rung.name:13} {error:27} {rung.attention.mean:9.3f} {adds:>7}  {PROPERTIES.get(rung.name, '')}"
        lines.append(line.rstrip())
    numbers = found.parameters
    lines.append(
        f"fitted        Q = {numbers['context_norm']:.3g}, W = {numbers['signal_norm']:.3g}, "
        f"sigma = {numbers['noise']:.3g}, delta_q = {numbers['delta_context']:.3g}; not in the theory: "
        f"rho = {found.cosine:.3g}, and but for the noisy theory deviation of relevant tokens {found.within_label:.3g}"
    )
    return lines
