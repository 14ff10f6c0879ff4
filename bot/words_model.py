"""The words of what Claude did: why the offline guide took a turn, what left masked, and what it cost."""

from __future__ import annotations

from collections.abc import Mapping

MODEL: Mapping[str, str] = {
    # ── Beside a Step: how it came to be ──
    "aside.guide_away": "Claude could not be reached, so the offline guide asks. Claude is asked again with your next answer.",
    "aside.guide_refused": "Claude declined to answer this one, so the offline guide asks. Claude is asked again with your next answer.",
    "aside.guide_unclear": "Claude's answer could not be used, so the offline guide asks. Claude is asked again with your next answer.",
    "aside.guide_budget": "Today's {amount} tokens of your account are used up, so the offline guide asks until midnight. "
    "Nothing is lost; an Admin can raise the budget.",
    "aside.guide_closed": "Claude does not accept this installation's requests, so the offline guide asks. Your Admins were told.",
    "aside.guide_left_flow": "This step leaves the flow: the evidence speaks against it.",
    "aside.guide_offline": "You asked to keep this session away from Claude, so the offline guide asks. "
    "To ask Claude after all, write “ask Claude”.",
    # ── What left ──
    "verb.receipt": "What left, and its cost",
    "receipt.title": "What left: {problem}",
    "receipt.nothing": "Nothing left FlowPilot in this session: no language model was asked.",
    "receipt.masked": "Masked before it left",
    "receipt.masked_none": "Nothing in what left had to be masked.",
    "receipt.masked_row": "{count} {kind}",
    "receipt.pictures": "Screenshots cannot be masked. {count} left as they are.",
    "receipt.total": "In all",
    "receipt.total_row": "{calls}, {prompt} tokens in, of which {cached} from the cache, {output} out, {cost}",
    "receipt.calls": "{count} calls",
    "receipt.call": "1 call",
    "receipt.row": "{model}: {prompt} in ({cached} cached), {output} out, {cost}",
    "receipt.under_way": "{model}: under way",
    "receipt.unknown": "{model}: no answer came back, booked as {cost}",
    "receipt.failed": "{model}: no answer, nothing was charged",
    "receipt.turn": "Turn {turn}",
    "receipt.earlier": "{count} earlier calls are counted above and not listed.",
    "receipt.estimate": "Costs are worked out from list prices; the bill of the vendor counts.",
    # ── What an Admin sees and sets ──
    "settings.claude": "Claude",
    "settings.claude_on": "on ({models})",
    "settings.claude_off": "off: the offline guide asks",
    "settings.daily_tokens": "Claude's tokens a day",
    "settings.daily_tokens_hint": "For example: 500000. Empty: the limit of this installation; 0: no limit. "
    "When they are used up, the offline guide asks until midnight.",
    "settings.daily_tokens_unclear": "Write the tokens of a day as a number, for example 500000; 0 is no limit. Nothing was changed.",
    "settings.daily_tokens_usual": "{limit} (as the installation has it)",
    "settings.no_limit": "no limit",
    "settings.today": "Used today",
    "settings.today_row": "{tokens} tokens, {cost}",
    "settings.today_of": "{tokens} of {limit} tokens today",
    "settings.today_free": "{tokens} tokens today, no limit",
    "purpose.package": "Package",
    "purpose.briefing": "Briefing",
    "purpose.note": "Note",
    "purpose.ticket": "Ticket summary",
    "purpose.turn": "Turn",
}
