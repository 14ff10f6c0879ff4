"""The words that only Slack needs: its windows, its Home and what cannot be posted."""

from __future__ import annotations

from collections.abc import Mapping

SLACK: Mapping[str, str] = {
    "slack.loading": "One moment",
    "slack.loading_text": "FlowPilot is getting this ready.",
    "slack.close": "Close",
    "slack.more": "More",
}
