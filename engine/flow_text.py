"""From a flow's YAML text to plain values, with everything its author should put right."""

import re
from collections.abc import Iterator
from typing import Any

import yaml

from engine.flow_rules import ESCALATE, RESOLUTION, Finding, shape_findings

Raw = dict[str, Any]

MAX_BYTES = 256 * 1024
MAX_DEPTH = 12
OPTIONS = (2, 5)

_KINDS = ("question", "action", "verification", "script", "information_request", RESOLUTION)
_STATES = ("wip", "not_validated", "validated", "archived")
_OUTCOMES = ("yes", "no", "no_change", "fixed", "other")
_RISKS = ("read_only", "changes_state", "destructive")

# field → longest text; a label must fit a Slack button (75).
_FLOW_TEXT = {"id": 64, "title": 100, "domain": 40, "summary": 300, "state": 20, "start": 64}
_NODE_TEXT = {"id": 64, "kind": 40, "text": 600, "why": 300, "say_to_user": 400, "cause": 300, "fix": 400}
_OPTION_TEXT = {
    "id": 64,
    "label": 75,
    "to": 64,
    "outcome": 20,
    "fact": 200,
    "rules_out": 200,
    "suspects": 200,
    "confidence": 3,
}
_SCRIPT_TEXT = {"language": 20, "text": 2000, "risk": 20, "rollback": 600}
_LIST_ITEM = 160
_ID = re.compile(r"[a-z0-9][a-z0-9_-]*")

# The base loader keeps every value as written: a label “Yes”, an outcome “no” or a version “1.10” stay text.
_Loader = getattr(yaml, "CBaseLoader", yaml.BaseLoader)


def read(text: str, size: tuple[int, int]) -> tuple[Raw | None, list[Finding]]:
    """The flow's values (empty ones left out), and what is wrong; no values when the text is not a flow at all."""
    raw, findings = _load(text)
    if raw is None:
        return None, findings
    cleaned = _cleaned(raw)
    return cleaned, findings + list(_flow_findings(cleaned, size))


def _load(text: str) -> tuple[Raw | None, list[Finding]]:
    if len(text.encode("utf-8", "replace")) > MAX_BYTES:
        return None, [Finding("", "file", "The file is larger than 256 KB. Split it into several flows.")]
    try:
        refused = _refused(text)
        if refused:
            return None, [Finding("", "file", refused)]
        loader = _Loader(text)
        try:
            node = loader.get_single_node()
            repeated = list(_repeated_keys(node)) if node is not None else []
            raw = loader.construct_document(node) if node is not None else None
        finally:
            loader.dispose()
    except (yaml.YAMLError, ValueError) as error:
        return None, [Finding("", "file", f"The file is not readable YAML: {_where(error)}")]
    if not isinstance(raw, dict):
        return None, [
            Finding("", "file", "The file must hold one flow: id, title, domain, summary and nodes.")
        ]
    return raw, repeated


def _refused(text: str) -> str | None:
    """Aliases (which can unfold to gigabytes) and deep nesting, seen on the event stream before anything is built."""
    depth = 0
    for event in yaml.parse(text, Loader=_Loader):
        if isinstance(event, yaml.AliasEvent):
            return "The file uses YAML aliases (*name). Write the text out instead."
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
            if depth > MAX_DEPTH:
                return "The file is nested too deeply to be a flow."
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1
    return None


def _repeated_keys(node: yaml.Node) -> Iterator[Finding]:
    if isinstance(node, yaml.SequenceNode):
        for item in node.value:
            yield from _repeated_keys(item)
    elif isinstance(node, yaml.MappingNode):
        seen: set[str] = set()
        for key, value in node.value:
            if not isinstance(key, yaml.ScalarNode):
                raise yaml.YAMLError(f"line {key.start_mark.line + 1} has a key that is not a word")
            if key.value in seen:
                yield Finding(
                    "", key.value, f"“{key.value}” is given twice (line {key.start_mark.line + 1}). Keep one."
                )
            seen.add(key.value)
            yield from _repeated_keys(value)


def _where(error: Exception) -> str:
    mark = getattr(error, "problem_mark", None)
    what = getattr(error, "problem", None) or str(error)
    return f"line {mark.line + 1}, {what}." if mark else f"{what}."


def _cleaned(value: Any) -> Any:
    """Strip texts and drop empty ones, so that “missing” and “empty” are the same thing to what follows."""
    if isinstance(value, dict):
        cleaned = {key: _cleaned(item) for key, item in value.items()}
        return {key: item for key, item in cleaned.items() if item not in ("", "~", "null", None)}
    if isinstance(value, list):
        return [_cleaned(item) for item in value]
    return value.strip() if isinstance(value, str) else value


def _flow_findings(raw: Raw, size: tuple[int, int]) -> Iterator[Finding]:
    yield from _texts(
        "", raw, _FLOW_TEXT, ("id", "title", "domain", "summary"), ("symptoms", "keywords", "nodes"), ""
    )
    yield from _choice("", raw, "state", _STATES)
    for name in ("symptoms", "keywords"):
        yield from _list_of_texts("", raw, name)
    listed = raw.get("nodes")
    if not isinstance(listed, list) or not all(isinstance(node, dict) for node in listed) or not listed:
        yield Finding("", "nodes", "The flow needs a list of steps, each opening with “- id:”.")
        return
    least, most = size
    if not least <= len(listed) <= most:
        yield Finding("", "nodes", f"The flow has {len(listed)} steps; it may have {least} to {most}.")
    for number, node in enumerate(listed, start=1):
        yield from _node_findings(_name(node, number), node)
    names = [_name(node, number) for number, node in enumerate(listed, start=1)]
    for name in dict.fromkeys(name for name in names if names.count(name) > 1):
        yield Finding(name, "id", "Two steps have this id. Rename one and the options that lead to it.")
    kinds = {name: str(node.get("kind", "")) for name, node in zip(names, listed, strict=True)}
    edges: dict[str, tuple[str, ...]] = {}
    for name, node in zip(names, listed, strict=True):
        edges[name] = edges.get(name, ()) + tuple(
            str(option["to"]) for option in _options(node) if "to" in option
        )
    start = raw.get("start", names[0])
    yield from shape_findings(start if isinstance(start, str) else "", kinds, edges)


def _name(node: Raw, number: int) -> str:
    name = node.get("id")
    return name if isinstance(name, str) else f"number {number}"


def _options(node: Raw) -> list[Raw]:
    listed = node.get("options", [])
    return [option for option in listed if isinstance(option, dict)] if isinstance(listed, list) else []


def _node_findings(name: str, node: Raw) -> Iterator[Finding]:
    yield from _texts(name, node, _NODE_TEXT, ("id", "kind", "text"), ("script", "options", "already"), "")
    yield from _choice(name, node, "kind", _KINDS)
    yield from _list_of_texts(name, node, "already")
    if name == ESCALATE:
        yield Finding(name, "id", "“escalate” is reserved: it means “offer escalation”. Choose another id.")
    is_end = node.get("kind") == RESOLUTION
    if not is_end and ("cause" in node or "fix" in node):
        yield Finding(name, "cause", "Cause and fix belong on a resolution_suggestion.")
    yield from _script_findings(name, node)
    yield from _option_findings(name, node, is_end)


def _script_findings(name: str, node: Raw) -> Iterator[Finding]:
    script = node.get("script")
    if script is None:
        if node.get("kind") == "script":
            yield Finding(
                name, "script", "This step is a script but holds none. Add language, risk and text."
            )
        return
    if not isinstance(script, dict):
        yield Finding(name, "script", "Write the script as language, risk, text and, where needed, rollback.")
        return
    yield from _texts(name, script, _SCRIPT_TEXT, ("language", "text", "risk"), (), "script.")
    yield from _choice(name, script, "risk", _RISKS, "script.")
    if script.get("risk") == "destructive" and "rollback" not in script:
        yield Finding(
            name,
            "script.rollback",
            "A destructive script needs a rollback: how is it undone, or from what backup?",
        )


def _option_findings(name: str, node: Raw, is_end: bool) -> Iterator[Finding]:
    listed = node.get("options", [])
    if not isinstance(listed, list) or len(_options(node)) != len(listed):
        yield Finding(name, "options", "Write options as a list, each with id, label and to.")
        return
    least, most = OPTIONS
    if not (least <= len(listed) <= most or (is_end and not listed)):
        yield Finding(name, "options", f"The step has {len(listed)} options; it may have {least} to {most}.")
    ids = [option.get("id") for option in listed]
    for number, option in enumerate(listed, start=1):
        where = f"options[{option.get('id', number)}]."
        yield from _texts(name, option, _OPTION_TEXT, ("id", "label"), (), where)
        yield from _choice(name, option, "outcome", _OUTCOMES, where)
        if ids.count(option.get("id")) > 1 and option.get("id") not in ids[: number - 1]:
            yield Finding(name, f"{where}id", "Two options of this step have the same id.")
        if "to" not in option and not is_end:
            yield Finding(name, f"{where}to", "Say where this answer leads: a step's id, or escalate.")
        confidence = option.get("confidence", "0")
        if not (
            isinstance(confidence, str)
            and confidence.isascii()
            and confidence.isdigit()
            and int(confidence) <= 100
        ):
            yield Finding(name, f"{where}confidence", "Confidence is a whole number from 0 to 100.")


def _texts(
    node: str,
    raw: Raw,
    longest: dict[str, int],
    required: tuple[str, ...],
    others: tuple[str, ...],
    prefix: str,
) -> Iterator[Finding]:
    for field in required:
        if field not in raw:
            yield Finding(node, prefix + field, f"The {field} is missing.")
    for field, value in raw.items():
        if field not in longest:
            if field not in others:
                yield Finding(node, prefix + field, f"There is no field “{field}” here. Check the spelling.")
        elif not isinstance(value, str):
            yield Finding(node, prefix + field, f"The {field} must be plain text.")
        elif len(value) > longest[field]:
            yield Finding(
                node,
                prefix + field,
                f"The {field} has {len(value)} characters; {longest[field]} is the most.",
            )
        elif field in ("id", "start") and not _ID.fullmatch(value):
            yield Finding(
                node, prefix + field, f"“{value}” may hold only lower-case letters, digits, - and _."
            )


def _choice(node: str, raw: Raw, field: str, allowed: tuple[str, ...], prefix: str = "") -> Iterator[Finding]:
    if field in raw and raw[field] not in allowed:
        yield Finding(
            node, prefix + field, f"“{raw[field]}” is not known. Choose one of: {', '.join(allowed)}."
        )


def _list_of_texts(node: str, raw: Raw, field: str) -> Iterator[Finding]:
    value = raw.get(field, [])
    if not isinstance(value, list) or not all(isinstance(item, str) and item for item in value):
        yield Finding(node, field, f"Write {field} as a list of texts.")
    elif any(len(item) > _LIST_ITEM for item in value):
        yield Finding(node, field, f"An entry is longer than {_LIST_ITEM} characters.")
