"""The command line and the Python that give what is on screen."""

from __future__ import annotations

from dataclasses import MISSING, fields

from figures.explorer.setting import Setting
from theory.command_line import OPTION_OF_PARAMETER
from theory.head import PENALISED_HEADS, Head
from theory.mixture import ContextualMixture


def _given(setting: Setting, owner: type) -> dict[str, float | str]:
    """Return the parameters of a mixture or a head that are not at their defaults."""
    values = {field.name: getattr(setting, field.name) for field in fields(owner)}
    if setting.kind not in PENALISED_HEADS:
        values.pop("ridge", None)
    defaults = {field.name: field.default for field in fields(owner) if field.default is not MISSING}
    return {name: value for name, value in values.items() if name not in defaults or value != defaults[name]}


def options(setting: Setting) -> str:
    """Return the options of mixture and head, as the commands take them.

    Example:
        >>> options(Setting(context_norm=1.0, inverse_temperature=1.0, kind="ridge"))
        '--dim 101 --tokens 16 --relevant 2 --samples 200 --head ridge --ridge 0.1'
    """
    given = {**_given(setting, ContextualMixture), **_given(setting, Head)}
    return " ".join(f"{OPTION_OF_PARAMETER[name]} {value}" for name, value in given.items())


def error_command(setting: Setting) -> str:
    """Return the command that prints the predicted error."""
    return f"python -m theory error {options(setting)}"


def simulate_command(setting: Setting) -> str:
    """Return the command that prints the simulated error at the setting's n."""
    return (
        f"python -m numerics simulate {options(setting)} --simulator {setting.simulator} "
        f"--repetitions {setting.repetitions} --seed {setting.seed}"
    )


def python_text(setting: Setting) -> str:
    """Return the Python that prints both.

    Example:
        >>> print(python_text(Setting(context_norm=1.0, inverse_temperature=1.0)))
        from numerics import simulate
        from theory import ContextualMixture, Head, known_prompt_error
        <BLANKLINE>
        mixture = ContextualMixture(dimension=101, tokens=16, relevant_tokens=2)
        head = Head(samples=200)
        prediction = known_prompt_error(mixture, head)
        print(prediction.error, prediction.error_bound)
        simulation = simulate(mixture, head, simulator="scores", repetitions=200, seed=0)
        print(simulation.error, simulation.interval)
    """

    def call(owner: type) -> str:
        arguments = (
            f'{name}="{value}"' if isinstance(value, str) else f"{name}={value!r}"
            for name, value in _given(setting, owner).items()
        )
        return f"{owner.__name__}({', '.join(arguments)})"

    return "\n".join(
        [
            "from numerics import simulate",
            "from theory import ContextualMixture, Head, known_prompt_error",
            "",
            f"mixture = {call(ContextualMixture)}",
            f"head = {call(Head)}",
            "prediction = known_prompt_error(mixture, head)",
            "print(prediction.error, prediction.error_bound)",
            f'simulation = simulate(mixture, head, simulator="{setting.simulator}", '
            f"repetitions={setting.repetitions}, seed={setting.seed})",
            "print(simulation.error, simulation.interval)",
        ]
    )
