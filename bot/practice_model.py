"""Who guides at a practice desk beside the flows: nobody, a scripted model of its own, or Claude; and what follows from it."""

from __future__ import annotations

from collections.abc import Mapping

OFF, SCRIPTED, CLAUDE = "off", "scripted", "claude"
MODELS = (OFF, SCRIPTED, CLAUDE)
KEY = "ANTHROPIC_API_KEY"
OURS = "ANTHROPIC_"
"""What every setting begins with that concerns Claude."""
SCRIPTED_KEY = "practice-desk"
NO_KEY = f"{KEY} is not set, so Claude cannot be asked. Set it, or try ./dev demo --model scripted."
LEAVES: Mapping[str, str] = {
    OFF: "This is a practice desk: the tickets are samples, and nothing leaves this computer.",
    SCRIPTED: "This is a practice desk: the tickets are samples.\n"
    "A scripted model answers: nothing leaves this computer.",
    CLAUDE: "This is a practice desk: the tickets are samples.\n"
    "Claude answers: what you type leaves this computer, masked.",
}
"""On the first screen."""
_RUNS: Mapping[str, str] = {
    OFF: "without a model",
    SCRIPTED: "with a scripted model",
    CLAUDE: "with Claude",
}


def chosen(wanted: str | None, environment: Mapping[str, str]) -> str:
    """What a new desk gets: what the person wants, and where he says nothing, Claude if there is a key for it."""
    return wanted or (CLAUDE if environment.get(KEY) else OFF)


def possible(model: str, environment: Mapping[str, str]) -> str:
    """Claude without a key is nobody."""
    return OFF if model == CLAUDE and not environment.get(KEY) else model


def kept(wanted: str | None, runs: str) -> str:
    """What to say to somebody who wants another model than the desk has; "" where he does not."""
    if wanted is None or wanted == runs:
        return ""
    return (
        f"This practice desk already runs {_RUNS[runs]}, so you join it as it is. To have it {_RUNS[wanted]}, "
        f"leave it in every terminal, then start it with --model {wanted}."
    )


def changed(runs: str) -> str:
    """What to say when the desk came back another one."""
    return f"It runs {_RUNS[runs]} now."


def without(environment: Mapping[str, str]) -> dict[str, str]:
    """The environment of whoever has nothing to do with Claude."""
    return {name: value for name, value in environment.items() if not name.startswith(OURS)}


def settings(model: str, port: int, environment: Mapping[str, str]) -> dict[str, str]:
    """What a process that may ask gets on top. `port` is the scripted model's."""
    match model:
        case "scripted":
            return {KEY: SCRIPTED_KEY, "ANTHROPIC_BASE_URL": f"http://127.0.0.1:{port}"}
        case "claude":
            return {name: value for name, value in environment.items() if name.startswith(OURS)}
        case _:
            return {}
