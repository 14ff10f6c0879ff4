"""What FlowPilot says in Slack beside its cards: to workspaces not connected yet, about files, and where nothing can be posted."""

from __future__ import annotations

from collections.abc import Mapping

SLACK_SAID: Mapping[str, str] = {
    # To people of a workspace that belongs to no account
    "slack.unlinked.title": "Connect this workspace",
    "slack.unlinked.text": "This Slack workspace is not connected to a FlowPilot account yet, so nothing was started. Ask your "
    "FlowPilot Admin for a one-time code (flowpilot link slack makes one) and type /flowpilot connect followed by the code.",
    "slack.guest.title": "FlowPilot is for members",
    "slack.guest.text": "Guests cannot use FlowPilot, so nothing was started. Ask a full member of the workspace.",
    "slack.code_wrong.title": "That code does not work",
    "slack.code_wrong.text": "The code is unknown, was used before or is older than an hour. Nothing was connected. Ask your "
    "FlowPilot Admin for a new one and type /flowpilot connect followed by the code.",
    "slack.taken.title": "This workspace is connected already",
    "slack.taken.text": "It belongs to another FlowPilot account, and that stays as it is. Your code is still good. The operator "
    "can release the workspace with flowpilot unlink slack.",
    "notice.slack_linked": "This workspace is connected to your FlowPilot account. Type /flowpilot with what happened or a "
    "ticket number, and a session starts. Whoever has the same e-mail in FlowPilot is known already.",
    "notice.slack_linked_already": "This workspace is connected already, so the code was not used.",
    "slack.hello.title": "FlowPilot is here now",
    "slack.hello.text": "Type /flowpilot with what happened, a ticket number or a pasted log. Each session gets a thread of its "
    "own in this channel; replies in it need no mention.",
    # Starting and adding
    "notice.slack_started": "The session is on its way: its card appears in this channel, and the thread below it is where you work.",
    "notice.slack_none_to_add_to": "You have no open session to add this to, so nothing was kept. Start one with “Troubleshoot this”.",
    "notice.slack_view_failed": "Slack did not open the window in time. Nothing was changed; please press the button again.",
    "slack.open_form": "Open the form",
    "slack.too_large": "Slack shows no more than this here. The rest is kept; “Show the path” and “Copy” have it.",
    "slack.window_refused": "Slack did not take what belongs in this window. Nothing was changed. “More” and “Show the path” on "
    "the session card still work; tell your Admin that a window was refused.",
    "slack.prompt.title": "What would you like to do?",
    "slack.prompt.tickets": "My open tickets",
    "slack.prompt.tickets_message": "tickets",
    "slack.prompt.mine": "My sessions",
    "slack.prompt.mine_message": "mine",
    "slack.prompt.queue": "Who needs help",
    "slack.prompt.queue_message": "queue",
    "slack.prompt.help": "What FlowPilot can do",
    "slack.prompt.help_message": "help",
    # Files
    "slack.file.missing_scope": "Slack does not let FlowPilot read files here. An Admin installs the app again so that it may.",
    "slack.file.too_large": "It is larger than 20 MB. Send the part around the error instead.",
    "slack.file.not_ours": "It lies outside of Slack or in another organisation. Upload it here.",
    "slack.file.gone": "It was deleted, or Slack does not keep it any more. Upload it again.",
    "slack.file.unreadable": "It is not what its name says, or Slack did not give it out whole. Upload it again.",
    # Where nothing can be posted
    "notice.closed.thread.not_in_channel": "FlowPilot is not in the channel of this session, so it goes on here. Invite it there "
    "with /invite @FlowPilot for the next one. Nothing is lost.",
    "notice.closed.thread.archived": "The channel of this session was archived, so it goes on here. Nothing is lost.",
    "notice.closed.thread.not_allowed": "FlowPilot may not post in the channel of this session, so it goes on here. Nothing is lost.",
    "notice.closed.thread.root_gone": "The thread of this session was deleted, so it goes on here. Nothing is lost.",
    "notice.closed.escalations.not_in_channel": "FlowPilot is not in the escalation channel, so the request for help stands in the "
    "session's own thread. Invite it there with /invite @FlowPilot, or an Admin chooses another channel under Settings.",
    "notice.closed.escalations.archived": "The escalation channel is archived, so the request for help stands in the session's own "
    "thread. An Admin chooses another channel under Settings.",
    "notice.closed.escalations.not_allowed": "FlowPilot may not post in the escalation channel, so the request for help stands in "
    "the session's own thread. An Admin chooses another channel under Settings.",
    "notice.closed.escalations.root_gone": "The card in the escalation channel was deleted, so the request for help stands in the "
    "session's own thread.",
}
