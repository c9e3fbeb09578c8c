"""Predictions and derivations at the shell: `python -m theory error …`."""

from __future__ import annotations

import argparse
import sys
from dataclasses import asdict

import theory.single_thread  # noqa: F401 - before NumPy
from theory.command_line import (
    MIXTURE_LAW,
    add_head_options,
    add_mixture_options,
    add_token_options,
    head_from,
    mixture_from,
    new_parser,
    number,
    print_json,
    run,
)
from theory.derivations.command_line import add_derive_command
from theory.descent.sample_complexity import sample_complexity
from theory.descent.three_steps import LABELS, three_steps
from theory.expressivity.separation import separation
from theory.known_prompt.error import REGIMES, known_prompt_error
from theory.risk.exact_risk import Delta, exact_risk
from theory.risk.trained_model import load_model

PROG = "python -m theory"


def error_command(options: argparse.Namespace) -> int:
    """Print the predicted error of a head trained under a known prompt."""
    prediction = known_prompt_error(mixture_from(options), head_from(options), regime=options.regime)
    if options.json:
        print_json(asdict(prediction))
        return 0
    print(f"error       {prediction.error:.12g}  (numerical error at most {prediction.error_bound:.1g})")
    print(f"log error   {prediction.log_error:.12g}")
    print(f"kappa       {prediction.kappa:.12g}  (signal-to-noise ratio of what the head reads)")
    print(f"overlap     {prediction.overlap:.12g}  (expected cosine between the head and w*)")
    print(f"limit       {prediction.limit:.12g}  (no head learned from as many examples does better)")
    print(f"population  {prediction.population:.12g}  (infinitely many examples)")
    print(f"regime      {prediction.regime}")
    print(f"source      {prediction.source}")
    return 0


def risk_command(options: argparse.Namespace) -> int:
    """Print the exact test error of a trained model."""
    risk = exact_risk(
        load_model(options.model),
        tokens=options.tokens,
        relevant_tokens=options.relevant,
        noise=options.noise,
        noise_kind=options.noise_kind,
        deltas=[Delta(options.delta_context, options.delta_signal)],
    )
    if options.json:
        print_json(asdict(risk))
    else:
        print(f"error  {risk.error:.12g}  (numerical error at most {risk.error_bound:.1g})")
    return 0


def descent_command(options: argparse.Namespace) -> int:
    """Print what three steps of gradient descent learn, and how they err."""
    mixture = mixture_from(options)
    steps = three_steps(mixture, options.samples, options.prompt_norm, labels=options.labels)
    needed = None if options.epsilon is None else sample_complexity(mixture, options.epsilon, options.prompt_norm)
    if options.json:
        print_json(asdict(steps) | ({} if needed is None else {"sample_complexity": asdict(needed)}))
        return 0
    print(f"{'':15} {'n = ' + format(options.samples, 'g'):>14} {'n, d -> inf':>14}")
    for name, meaning in (
        ("head_overlap", "cosine of the head after step 1 with w*"),
        ("prompt_overlap", "cosine of the prompt after step 2 with q*"),
        ("attention", "on the relevant tokens under that prompt"),
        ("final_overlap", "cosine of the head after step 3 with w*"),
        ("error", f"numerical error at most {steps.error_bound:.1g}"),
    ):
        values = f"{getattr(steps, name):14.10f} {getattr(steps.limit, name):14.10f}"
        print(f"{name.replace('_', ' '):15} {values}  ({meaning})")
    for note in steps.notes:
        print(f"note: {note}")
    if needed is not None:
        print(f"sequences a step for cos^2 = 1 - {options.epsilon:g}, and a lower limit:")
        for step in ("head", "prompt", "final", "whole"):
            numbers = getattr(needed, step)
            print(f"{step:15} {numbers.samples:14.6g} = {numbers.ratio:.4g} x {numbers.limit:.6g}")
    return 0


def separation_command(options: argparse.Namespace) -> int:
    """Print the thresholds between the four models."""
    found = separation(options.tokens, options.relevant)
    if options.json:
        print_json(asdict(found))
        return 0
    print(f"sparsity          {found.sparsity:.12g}")
    for name, value, meaning in (
        ("self-attention", found.self_attention_threshold, "delta = (D, D) or (0, 0): for D above it accuracy 1/2"),
        ("  sufficient", found.self_attention_sufficient, "the same without a computation"),
        ("linear attention", found.linear_attention_delta, "delta = (D, -D): at this D accuracy 1/2"),
        ("uniform pooling", found.uniform_pooling_delta, "delta_w at which the accuracy is 1/2"),
    ):
        print(f"{name:17} {value:.12g}  ({meaning})")
    print("softmax-prompt-attention never errs on any of these data, which have no noise")
    return 0


def main(arguments: list[str] | None = None) -> int:
    """Read the arguments and run one command; return its exit status."""
    parser = new_parser(PROG, "Exact predictions for prompt-attention.", f"{PROG} error --help")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    error = new_parser(
        "error",
        "Predict the error of a head trained under a known prompt.",
        f"{PROG} error --dim 101 --tokens 16 --relevant 2 --samples 200 --inverse-temperature 0 --head least-squares",
        commands,
    )
    add_mixture_options(error)
    add_head_options(error)
    error.add_argument(
        "--regime", choices=REGIMES, default="auto", help="auto takes the most exact one there is (default)"
    )
    error.add_argument("--json", action="store_true", help="print one JSON object; null stands for infinity")
    error.set_defaults(run=error_command)
    risk = new_parser(
        "risk",
        "Exact test error of any prompt and head, without a test set.",
        f"{PROG} risk model.npz --tokens 64 --relevant 4",
        commands,
    )
    risk.add_argument(
        "model",
        metavar="MODEL.npz",
        help="arrays context (q*), signal (w*), prompt (q) and head (w), each of shape (d,), written by numpy.savez",
    )
    add_token_options(risk.add_argument_group("mixture", MIXTURE_LAW))
    risk.add_argument("--json", action="store_true", help="print one JSON object; null stands for infinity")
    risk.set_defaults(run=risk_command)
    descent = new_parser(
        "descent",
        "Predict three steps of gradient descent from zero, head, prompt, head, on N fresh sequences each.",
        f"{PROG} descent --dim 200 --tokens 16 --relevant 2 --context-norm 1.5 --signal-norm 1.5 --samples 400 "
        "--prompt-norm 0.8",
        commands,
    )
    add_mixture_options(descent)
    group = descent.add_argument_group("gradient descent")
    group.add_argument("--samples", type=number, required=True, metavar="N", help="sequences of each step; may be inf")
    group.add_argument(
        "--prompt-norm", type=number, required=True, metavar="t", help="length of the prompt after its step"
    )
    group.add_argument(
        "--labels", choices=LABELS, default="random", help="balanced: as many 1 as -1 in each step (default random)"
    )
    group.add_argument(
        "--epsilon", type=number, metavar="EPS", help="tell, too, how many sequences cos^2 = 1 - EPS takes"
    )
    descent.add_argument("--json", action="store_true", help="print one JSON object; null stands for infinity")
    descent.set_defaults(run=descent_command)
    separate = new_parser(
        "separation",
        "Thresholds between prompt-attention, self-attention, linear attention and pooling, on data without noise.",
        f"{PROG} separation --tokens 8 --relevant 2",
        commands,
    )
    separate.add_argument("--tokens", type=number, required=True, metavar="T", help="tokens in an example")
    separate.add_argument("--relevant", type=number, required=True, metavar="R", help="how many of them are relevant")
    separate.add_argument("--json", action="store_true", help="print one JSON object")
    separate.set_defaults(run=separation_command)
    add_derive_command(commands)
    options = parser.parse_args(arguments)
    status: int = options.run(options)
    return status


if __name__ == "__main__":
    run(PROG, lambda: main(sys.argv[1:]))
