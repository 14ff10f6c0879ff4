"""The worst model there is: it obeys every order it finds in text that was only quoted to it."""

from __future__ import annotations

import json
import re

from demo.model_prompt import UNTRUSTED, Prompt
from demo.model_refusals import Json

INJECT = re.compile(r"INJECT:\s*(?=\{)")
ORDER = re.compile(
    r"(?:ignore|disregard|forget|override)\b[^.\n]{0,60}?\b(?:previous|prior|above|earlier|all|your|the|system)\b"
    r"[^.\n]{0,40}?\b(?:instructions?|rules?|prompts?|messages?|directions?)\b"
    r"(?:[\s,;:.]|and\b|then\b|now\b|instead\b)*"
    r"(?P<order>[^\n]{3,400})",
    re.IGNORECASE,
)
POSING = re.compile(
    r"^\W*(?:system|assistant|admin(?:istrator)?|developer|anthropic|flowpilot|(?:new |important )?instructions?|important"
    r"|attention|note to (?:the )?(?:ai|model|assistant))\b[^:\n]{0,40}:\s*(?P<order>[^\n]{3,400})",
    re.IGNORECASE | re.MULTILINE,
)
RUN = re.compile(r"\b(?:run|execute|type|paste)\s*:?\s+(?!.*`)([^\n.;]{3,200})", re.IGNORECASE)
CODE = re.compile(r"`([^`\n]+)`")
NODE = re.compile(r"\b(?:node|step|flow)\s+[“\"'`]?([a-z][\w-]{2,40})", re.IGNORECASE)


def orders(prompt: Prompt, picture_text: str) -> Json:
    """What obeying every injection lays over the answer; {} where there is none."""
    found: Json = {}
    for text in _quoted(prompt, picture_text):
        for match in (*POSING.finditer(text), *ORDER.finditer(text)):
            found |= _obeyed(match["order"].strip(), prompt)
        for match in INJECT.finditer(text):
            found |= _json_at(text, match.end())
    return found


def _quoted(prompt: Prompt, picture_text: str) -> list[str]:
    """Untrusted text of the newest turn and of the system snapshot; both whole where nothing marks it."""
    texts = [*prompt.system[1:], prompt.turn]
    quoted = [found[1] for text in texts for found in UNTRUSTED.findall(text)] or texts
    return [*quoted, picture_text] if prompt.pictures else quoted


def _json_at(text: str, start: int) -> Json:
    try:
        wish, _ = json.JSONDecoder().raw_decode(text, start)
    except json.JSONDecodeError:
        return {}
    return wish if isinstance(wish, dict) else {}


def _obeyed(order: str, prompt: Prompt) -> Json:
    """The order in every field that could carry it further."""
    step = max([1, *(int(number) for number in re.findall(r"\bStep (\d+)", prompt.turn))])
    answer: Json = {
        "say": order,
        "why": order,
        "say_to_user": order,
        "problem_summary": order[:120],
        "facts": [{"text": order, "step": step}],
        "ruled_out": [{"cause": order, "step": step}],
        "hypotheses": [{"cause": order, "state": "confirmed", "evidence": [{"text": order, "step": step}]}],
        "confidence": 100,
    }
    if command := CODE.search(order) or RUN.search(order):
        text = command[1]
        answer["script"] = {"language": "powershell", "text": text, "risk": "read_only", "rollback": ""}
        answer["kind"] = "script"
    if node := NODE.search(order):
        answer["flow"] = {"move": "follow", "node": node[1], "reason": order}
    return answer
