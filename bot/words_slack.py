"""The words that only Slack needs: its windows, its Home and what cannot be posted."""

from __future__ import annotations

from collections.abc import Mapping

SLACK: Mapping[str, str] = {
    "slack.loading": "One moment",
    "slack.loading_text": "FlowPilot is getting this ready.",
    "slack.close": "Close",
    "slack.cancel": "Cancel",
    "slack.more": "More",
    "slack.name": "FlowPilot",
    "slack.yes": "Yes",
    "slack.no": "Go back",
    "slack.choose": "Choose one",
    "slack.tick": "Yes",
    "slack.spent": "✓ {label}",
    "slack.warning": "▲",
    "slack.good": "✓",
    "slack.shortened": "Shortened here, because Slack shows no more at once.",
    "slack.home_more": "… and {count} more, which do not fit here.",
    "slack.part": "{label} ({number} of {count})",
    "slack.ticket": "Type a number or a word from the ticket",
    "slack.ticket_chosen": "#{ticket}",
    "slack.channel": "Choose a channel",
    "slack.channel_hint": "A channel FlowPilot is in. Without one, help is asked for in the session's own thread.",
    "slack.channel_elsewhere": "The escalation channel is in another workspace. It stays as it is unless you choose one here.",
    # While the Guide works
    "slack.live.status": "is working out the next step…",
    "slack.live.working": "FlowPilot is working on it · {seconds} s",
    "slack.live.over": "FlowPilot was working here. What came of it is shown in this thread.",
    # What is answered at once
    "slack.search_later": "Keep typing, or try again in a moment",
    "slack.no_database": "FlowPilot cannot reach its database. Nothing was kept; please try again in a minute.",
    "slack.unexpected": "FlowPilot did not expect this. Nothing was kept. Tell your Admin the number {error_id}.",
    "error.blank": "Please fill this in.",
    "error.start": "Write what happened, choose a ticket, say what was tried or add a file: one of them is enough.",
    "error.minutes": "Whole minutes from 0 to 9999, for example 30. Leave it empty to keep what stands above.",
    "error.ticket": "Give a ticket number such as 4711, or the link to one.",
    "error.time": "FlowPilot could not read that time. Write it like 14:30, tomorrow 9:00 or Tue 14:30.",
    "error.past": "That time has passed. Choose a later one.",
    "error.target": "That team or person is not in this account any more. Choose another one.",
    # Installing
    "slack.install.done_title": "FlowPilot is in {team}",
    "slack.install.done": "Next: ask your FlowPilot Admin for a code and type /flowpilot connect CODE in Slack.",
    "slack.install.again": "It was connected before and still is. Nothing else is to do; go back to Slack.",
    "slack.install.not_done_title": "FlowPilot was not installed",
    "slack.install.denied": "The install was not allowed in Slack. Nothing was kept. If you may not allow it, ask an Admin of your Slack workspace to open this address.",
    "slack.install.state": "This install was begun in another browser or more than 10 minutes ago. Nothing was kept. Begin it again here:",
    "slack.install.begin": "Install FlowPilot",
    "slack.install.exchange": "Slack did not confirm the install. Nothing was kept. Begin it again here:",
    "slack.install.away": "Slack does not answer now. Nothing was kept. Wait a minute, then begin again here:",
    "slack.install.org": "FlowPilot is installed workspace by workspace, not for a whole Enterprise organisation. Nothing was kept. Choose one workspace in Slack, beginning here:",
}
