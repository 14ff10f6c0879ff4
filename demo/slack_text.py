"""Text as Slack writes it: what people type becomes escaped text and a rich_text block."""

from __future__ import annotations

import re

from demo.slack_refusals import Json

MENTION = re.compile(r"<@(?P<id>[UW][A-Z0-9]+)>")
PIECES = re.compile(
    r"<@(?P<user>[UW][A-Z0-9]+)>|(?P<url>https?://[^\s<>|]+)|(?P<mail>[\w.+-]+@[\w-]+(?:\.[\w-]+)+)"
)


def escape(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def unescape(text: str) -> str:
    return text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")


def typed(text: str, names: dict[str, str], block_id: str) -> tuple[str, list[Json]]:
    """(text, blocks) of what somebody typed. `names`: lower-case names that mention, to user ids.

    `@FlowPilot` and `<@U…>` of a known id mention; addresses become links; the rest is escaped.
    """
    for name, user in names.items():
        text = re.sub(rf"(?<![\w<])@{re.escape(name)}\b", f"<@{user}>", text, flags=re.IGNORECASE)
    shown, elements, at, known = "", list[Json](), 0, set(names.values())

    def plain(piece: str) -> str:
        if piece:
            elements.append({"type": "text", "text": piece})
        return escape(piece)

    for found in PIECES.finditer(text):
        if found["user"] and found["user"] not in known:
            continue
        shown += plain(text[at : found.start()])
        at = found.end()
        if found["user"]:
            elements.append({"type": "user", "user_id": found["user"]})
            shown += found[0]
        elif found["url"]:
            elements.append({"type": "link", "url": found["url"]})
            shown += f"<{escape(found['url'])}>"
        else:
            elements.append({"type": "link", "url": f"mailto:{found['mail']}", "text": found["mail"]})
            shown += f"<mailto:{found['mail']}|{found['mail']}>"
    shown += plain(text[at:])
    section = {"type": "rich_text_section", "elements": elements}
    return shown, [{"type": "rich_text", "block_id": block_id, "elements": [section]}] if text else []


def mentions(text: str, user: str) -> bool:
    return any(found["id"] == user for found in MENTION.finditer(text))
