"""The words around Claude: what is masked before it is asked the first time, and what an Admin is told."""

from __future__ import annotations

from collections.abc import Mapping

GUIDE: Mapping[str, str] = {
    # ── Before anything goes to Claude ──
    "preview.again": "Masked too.",
    "preview.some_found": "Of the {total} values you wrote, {count} cannot be found in the text: look at the spelling. The "
    "rest is masked too.",
    "preview.not_found": "Not found in the text, so nothing more is masked in it: look at the spelling. Should it come up "
    "later, it is masked then.",
    "preview.too_short": "Nothing more was masked: a value to mask has at least 3 characters.",
    "preview.lost": "What was masked here was deleted after 30 days without a call. Values you masked by hand are no longer "
    "known, so look once more before anything is sent again.",
    "preview.masked": "{values} masked before this goes to Claude: {kinds}.",
    "preview.value": "1 value is",
    "preview.values": "{count} values are",
    "preview.nothing": "Nothing was found here that has to be masked before this goes to Claude.",
    "preview.excerpt": "This is how it begins:\n{excerpt}",
    "preview.log": "Of a log only a digest goes out.",
    "preview.picture": "The picture cannot be masked: Claude sees all of it. What you choose counts for later "
    "pictures of this session too.",
    "preview.pictures": "The {count} pictures cannot be masked: Claude sees all of them. What you choose counts for "
    "later pictures of this session too.",
    "preview.ask": "To mask more, write it here, separated by commas or one on each line; “quotation marks” keep a comma. "
    "Otherwise choose how to go on.",
    "preview.why": "What leaves for a language model is shown before it does. The answers come back with the real values; "
    "secrets are never put back.",
    "preview.go_on": "Go on",
    "preview.go_on_without": "Go on without the picture",
    "preview.keep": "Don't send it",
    "masked.secret.one": "secret",
    "masked.secret.many": "secrets",
    "masked.email.one": "e-mail address",
    "masked.email.many": "e-mail addresses",
    "masked.phone.one": "phone number",
    "masked.phone.many": "phone numbers",
    "masked.person.one": "name of a person",
    "masked.person.many": "names of people",
    "masked.company.one": "company name",
    "masked.company.many": "company names",
    "masked.user.one": "user name",
    "masked.user.many": "user names",
    "masked.device.one": "device name",
    "masked.device.many": "device names",
    "masked.host.one": "host name",
    "masked.host.many": "host names",
    "masked.ip.one": "IP address",
    "masked.ip.many": "IP addresses",
    "masked.mac.one": "MAC address",
    "masked.mac.many": "MAC addresses",
    "masked.card.one": "card number",
    "masked.card.many": "card numbers",
    "masked.address.one": "address",
    "masked.address.many": "addresses",
    # ── Beside a Step: how it came to be ──
    "aside.guide_locked": "What was masked in this session cannot be read with this installation's encryption keys, so nothing is "
    "sent to Claude and the offline guide asks. Nothing you wrote is lost; an Admin can check the keys with `flowpilot doctor`.",
    # ── To an Admin, once an hour ──
    "notice.model_key_refused": "Claude refuses the key of this installation, so FlowPilot guides with its own flows. "
    "No session lost anything. Put a valid key into ANTHROPIC_API_KEY and restart the worker; `flowpilot doctor` checks it.",
    "notice.model_unpaid": "Claude says that the plan behind the key has no credit left, so FlowPilot guides with its own "
    "flows. No session lost anything. Once it is paid for, Claude is back with the next step.",
    "notice.model_forbidden": "The key of this installation may not use the model it asks for, so FlowPilot guides with its "
    "own flows. No session lost anything. Allow the model to the key, or name another one in FLOWPILOT_MODEL_TURN.",
}
