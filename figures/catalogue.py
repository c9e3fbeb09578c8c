"""All figures by name."""

from __future__ import annotations

from figures import (
    benefit_of_context,
    double_descent,
    hard_attention,
    heads,
    phase_portrait,
    real_attention,
    real_data,
    real_theory,
    sample_complexity,
    separation,
    separation_noise,
    separation_trained,
    sparse_attention,
)
from figures.drawing import NamedFigure
from numerics.extras import REAL_DATA

FIGURES = {
    figure.name: figure
    for figure in (
        NamedFigure(
            "double-descent",
            "Test error against n/p for two prompts: least squares through its peak, averaging; exact, simulated.",
            double_descent.compute,
            double_descent.draw,
        ),
        NamedFigure(
            "heads",
            "Test error of every head against n/p at 4, 16 and 64 tokens: the proportional regime, simulated.",
            heads.compute,
            heads.draw,
        ),
        NamedFigure(
            "benefit-of-context",
            "What a known prompt gains over uniform pooling, against Q and against its inverse temperature.",
            benefit_of_context.compute,
            benefit_of_context.draw,
        ),
        NamedFigure(
            "hard-attention",
            "Phase diagram of hard attention over Q/sigma and ln m, and how its transition sharpens with m.",
            hard_attention.compute,
            hard_attention.draw,
        ),
        NamedFigure(
            "phase-portrait",
            "Gradient descent in the plane of head and prompt: flow, fixed points, trajectories, simulated on top.",
            phase_portrait.compute,
            phase_portrait.draw,
        ),
        NamedFigure(
            "sample-complexity",
            "What three steps of gradient descent learn against n/d, at three d: overlaps and error, their collapse.",
            sample_complexity.compute,
            sample_complexity.draw,
        ),
        NamedFigure(
            "sparse-attention",
            "How gradient descent comes to attend to one token among 16, 64, 256: attention, error, examples.",
            sparse_attention.compute,
            sparse_attention.draw,
        ),
        NamedFigure(
            "separation",
            "What softmax-prompt-attention tells apart and others cannot: best accuracy against Delta, and a map.",
            separation.compute,
            separation.draw,
        ),
        NamedFigure(
            "separation-noise",
            "The least population error of each attention model against noise, sparsity, tokens and context norm.",
            separation_noise.compute,
            separation_noise.draw,
        ),
        NamedFigure(
            "separation-trained",
            "Test error of the four models after gradient descent on sampled sequences, against Delta.",
            separation_trained.compute,
            separation_trained.draw,
        ),
        NamedFigure(
            "real-data",
            "Digits in photographs, noise and other digits: test accuracy of all models against zeta and against n.",
            real_data.compute,
            real_data.draw,
            REAL_DATA,
        ),
        NamedFigure(
            "real-attention",
            "Attention on the digits in the course of training, and on test examples chosen by rank.",
            real_attention.compute,
            real_attention.draw,
            REAL_DATA,
        ),
        NamedFigure(
            "real-theory",
            "Theory fitted to digits in photographs: predicted, on surrogates, measured; where the error comes from.",
            real_theory.compute,
            real_theory.draw,
            REAL_DATA,
        ),
    )
}
"""By the name that is typed at the shell."""
