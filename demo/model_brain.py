"""The practice model's own answer to a turn of a diagnosis: the flow where one is allowed, else a sensible step."""

from __future__ import annotations

import re

from demo.model_prompt import Prompt
from demo.model_questions import HAND_OVER, INTERFACE, QUESTIONS, causes_of, domain_of
from demo.model_reading import Outlined, Reading
from demo.model_refusals import Json

REPORT = re.compile(r'<(untrusted-[\w-]+) source="report">\n(.*?)\n</\1>', re.DOTALL)
TICKET = re.compile(r'<(untrusted-[\w-]+) source="ticket">\n(?:Ticket \d+: )?(.*?)\n', re.DOTALL)
DIGEST = re.compile(r'<(untrusted-[\w-]+) source="log digest">\n(.*?)\n</\1>', re.DOTALL)
COMMAND = re.compile(
    r"[\s,(:]*\b(?:(?:or|and) run |with |run )?(?:vssadmin|ipconfig /(?!all)|powercfg|netsh|net (?:stop|start)|sc config"
    r"|bcdedit|dism|shutdown /|(?:Set|Remove|New|Reset|Restart|Stop|Start|Add|Disable|Enable|Clear)-[A-Z]\w+)"
)
FIRST_ERROR = re.compile(r"First error L\d+: (.+)")
HALF = re.compile(r"⟦[^⟦⟧]*$")


def turn(prompt: Prompt, picture_text: str) -> Json:
    """One answer in the words of the turn's schema."""
    reading = Reading(prompt)
    answer = _step(reading, picture_text)
    answer.setdefault("rests_on", _rests_on(reading))
    answer.setdefault("flow", {"move": "none", "node": "", "reason": ""})
    answer.setdefault("facts", _facts(reading))
    answer.setdefault("ruled_out", _ruled_out(reading))
    answer.setdefault("hypotheses", _hypotheses(reading, answer["ruled_out"]))
    answer.setdefault("confidence", _confidence(reading))
    if reading.first:
        answer["problem_summary"] = _summary(prompt)
        answer["problem_domain"] = domain_of(_reported(prompt))
    return answer


def _step(reading: Reading, picture_text: str) -> Json:
    if reading.prompt.pictures:
        return _read_back(picture_text)
    solved = reading.means == "fixed" and not _said_before(reading, "resolution_suggestion")
    if reading.legal:
        return _followed(reading)
    step = _solved(reading) if solved else _asked(reading)
    if reading.flow_followed and reading.answered is not None and (solved or reading.must_decide):
        reason = f"Step {reading.answered.number} brought an answer that the flow has no way on from."
        step["flow"] = {"move": "leave", "node": "", "reason": reason}
    return step


def _read_back(picture_text: str) -> Json:
    return {
        "say": f"I read “{picture_text}” in the picture. Is that right?",
        "kind": "question",
        "why": "I build nothing on a picture before you have confirmed what stands in it.",
        "rests_on": "picture",
        "options": [{"label": "Yes, that is right", "means": "yes"}, {"label": "No", "means": "no"}],
        "saw": picture_text,
        "facts": [],
        "ruled_out": [],
    }


def _followed(reading: Reading) -> Json:
    node = _picked(reading)
    kind, text = reading.node_text(node)
    options = [{"label": one.label, "means": one.means} for one in reading.outline(node)]
    return {
        "say": worded(text),
        "kind": kind,
        "why": _why(reading, node),
        "options": options[:5],
        "flow": {"move": "follow", "node": node, "reason": ""},
    }


def worded(text: str) -> str:
    """A node's text; where it names a command that changes something, only what is said before it."""
    command = COMMAND.search(text)
    if command is None:
        return text
    return f"{text[: command.start()]}, as the flow describes it."


def _picked(reading: Reading) -> str:
    """The allowed node the answer leads to: by the option chosen, else by the words they share, else the first."""
    nodes = list(reading.legal)
    if reading.chosen is not None and reading.chosen.to in nodes:
        return reading.chosen.to
    last = reading.answered
    before = str((reading.own_last.get("flow") or {}).get("node") or "")
    if last is None or not before or len(nodes) == 1:
        return nodes[0]
    said = _words(last.words)
    leading = [one for one in reading.outline(before) if one.to in nodes]
    best = max(leading, key=lambda one: len(said & _words(one.label)), default=None)
    return best.to if best is not None and said & _words(best.label) else nodes[0]


def _words(text: str) -> set[str]:
    return set(re.findall(r"\w{3,}", text.lower()))


def _why(reading: Reading, node: str) -> str:
    start = reading.prompt.text.find(f"\n- {node} (")
    line = reading.prompt.text.find("\n  why: ", start) if start >= 0 else -1
    end = reading.prompt.text.find("\n- ", start + 1) if start >= 0 else -1
    if line < 0 or (0 < end < line):
        return "This is the next step of the flow."
    return reading.prompt.text[line + 8 : reading.prompt.text.index("\n", line + 8)]


def _solved(reading: Reading) -> Json:
    last = reading.answered
    number = last.number if last else 0
    did = f"“{last.text[:160]}”" if last else "the last step"
    return {
        "say": f"It works again. What solved it was {did}. Please have the user confirm it before we close.",
        "kind": "resolution_suggestion",
        "why": f"Step {number} ended with: {last.words[:120]}." if last else "The last answer says so.",
        "say_to_user": "It looks solved from here. Does it work for you as it did before?",
        "options": [],
        "confidence": 90,
    }


def _asked(reading: Reading) -> Json:
    """The next question that was not asked yet."""
    if reading.prompt.exchange == 2 and reading.may_ask_interface:
        return {**INTERFACE.as_answer(), "asks_interface": True}
    asked = {str(one.get("say")) for one in reading.own}
    between = reading.flow_followed and not reading.must_decide
    fit = (one for one in QUESTIONS if one.say not in asked and not (between and one.kind == "action"))
    question = next(fit, HAND_OVER)
    return question.as_answer()


def _said_before(reading: Reading, kind: str) -> bool:
    return reading.own_last.get("kind") == kind


def _rests_on(reading: Reading) -> str:
    if reading.answered is not None:
        return f"step {reading.answered.number}"
    digest = DIGEST.search(reading.prompt.text)
    if digest is not None:
        line = next((one.strip() for one in digest[2].splitlines() if len(one.strip()) > 12), "")
        return f"log: {HALF.sub('', line[:80]).rstrip()}" if line else "intake"
    return "ticket" if 'source="ticket"' in reading.prompt.text and not _report(reading.prompt) else "intake"


def _facts(reading: Reading) -> list[Json]:
    last = reading.answered
    if last is None or not last.words or last.impossible:
        return []
    fact = reading.chosen.fact if reading.chosen else ""
    return [{"text": fact or _sentence(last.said or last.label), "step": last.number}]


def _sentence(text: str) -> str:
    first = " ".join(text.split())[:200]
    return first if first.endswith((".", "!", "?")) else f"{first}."


def _ruled_out(reading: Reading) -> list[Json]:
    last = reading.answered
    if last is None:
        return []
    if reading.chosen is not None:
        cause = reading.chosen.rules_out
        return [{"cause": cause, "step": last.number}] if cause else []
    asked = next((one for one in QUESTIONS if last.text.startswith(one.say[:60])), None)
    if asked is None:
        return []
    causes = causes_of(domain_of(_reported(reading.prompt)))
    return [
        {"cause": causes[at], "step": last.number} for means, at in asked.rules_out if means == reading.means
    ]


def _hypotheses(reading: Reading, ruled_out: list[Json]) -> list[Json]:
    """The causes of before, with what the newest answer excludes or suspects."""
    known: dict[str, Json] = {}
    for one in reading.own_last.get("hypotheses") or ():
        if isinstance(one, dict) and isinstance(one.get("cause"), str):
            known[one["cause"]] = one
    if not known:
        for cause in causes_of(domain_of(_reported(reading.prompt))):
            known[cause] = {"cause": cause, "state": "open", "evidence": []}
    step = reading.answered
    chosen: Outlined | None = reading.chosen
    if step is not None and chosen is not None and chosen.suspects:
        known[chosen.suspects] = {
            "cause": chosen.suspects,
            "state": "open",
            "evidence": [{"text": chosen.fact or chosen.label, "step": step.number}],
        }
    for one in ruled_out:
        evidence = [{"text": _sentence(step.words), "step": step.number}] if step else []
        known[one["cause"]] = {"cause": one["cause"], "state": "ruled_out", "evidence": evidence}
    return list(known.values())[-6:]


def _confidence(reading: Reading) -> int:
    most = 70 if reading.legal else 60
    return min(most, (50 if reading.legal else 30) + 10 * (reading.prompt.exchange - reading.repairs))


def _report(prompt: Prompt) -> str:
    found = REPORT.search(prompt.text)
    return found[2].strip() if found else ""


def _reported(prompt: Prompt) -> str:
    """What the case is about: the report, the ticket's first line, else the newest turn."""
    ticket = TICKET.search(prompt.text)
    return " ".join(part for part in (_report(prompt), ticket[2] if ticket else "") if part) or prompt.turn


def _summary(prompt: Prompt) -> str:
    ticket = TICKET.search(prompt.text)
    first = FIRST_ERROR.search(prompt.text)
    text = ticket[2] if ticket else _report(prompt) or (first[1] if first else "A problem without words")
    line = " ".join(text.split())
    return line if len(line) <= 120 else line[:119].rstrip() + "…"
