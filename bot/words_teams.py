"""The words of Microsoft Teams alone."""

from __future__ import annotations

TEAMS: dict[str, str] = {
    "teams.name": "FlowPilot",
    "teams.kept": "FlowPilot has it.",
    "teams.use_box": "To answer, use the box below or write @FlowPilot.",
    "teams.step_answered": "Step {step} was answered already, so this press changed nothing. The card shows where it stands.",
    "teams.empty_box": "The box is empty, so nothing was kept. Type into it first, then press the button again.",
    "teams.not_a_button": "FlowPilot cannot read this button, so nothing was kept. Write @FlowPilot and what you want instead.",
    "teams.card_gone": "FlowPilot does not find this card any more, so it cannot show it again. Nothing was changed; "
    "write @FlowPilot and what you want instead.",
    "teams.search_nothing": "No open ticket fits that. Try its number, or another word of its summary.",
    "teams.search_later": "The tickets cannot be searched just now. Nothing was changed; press Search again in a moment, or "
    "type the number of the ticket.",
    "teams.extension_kept": "FlowPilot has this message. It answers in the chat.",
    "teams.use_card": "FlowPilot opens no window here. Use the buttons on its card, or write @FlowPilot help.",
    "teams.no_database": "FlowPilot cannot reach its database. Nothing was kept; please try again in a minute.",
    "teams.unchecked": "FlowPilot cannot check just now that this came from Teams. Nothing was kept; please try again in a minute.",
    "teams.unexpected": "FlowPilot did not expect this. Nothing was kept. Tell your Admin the number {error_id}.",
    # Cards
    "teams.more": "More",
    "teams.yes": "Yes",
    "teams.back": "Go back",
    "teams.tick": "Yes",
    "teams.choose": "Choose one",
    "teams.spent": "✓ {label}",
    "teams.warning": "▲",
    "teams.good": "✓",
    "teams.shortened": "Shortened here, because Teams shows no more at once …",
    "teams.blank": "Please fill this in.",
    "teams.channel_hint": "A channel FlowPilot is in. Without one, help is asked for in the session's own thread.",
    "teams.attach": "To add files, attach them to a message in this chat.",
    "teams.say_label": "Your answer in words",
    "teams.say_placeholder": "What did you find?",
    "teams.send": "Send",
    "teams.search": "Search tickets",
    "teams.search_label": "Or another ticket",
    "teams.search_placeholder": "A number, or a word from the ticket",
    "teams.ticket_chosen": "#{ticket}",
    "teams.form_too_long": "This form holds more text than Teams can show. Nothing has changed. Shorten its texts one at a time, or fill it in on another platform.",
    "teams.somebody": "Person {number}",
    "settings.escalation_channel_teams": "Escalation channel in Teams",
    "teams.channel_elsewhere": "The escalation channel is in another organisation of yours. It stays as it is unless you choose one here.",
    # To people of a tenant that belongs to no account, and to new ones
    "teams.unlinked.title": "Connect this organisation",
    "teams.unlinked.text": "Your organisation is not connected to a FlowPilot account yet, so nothing was started. Ask your FlowPilot "
    "Admin for a one-time code (flowpilot link teams makes one) and write connect followed by the code to FlowPilot.",
    "teams.code_wrong.title": "That code does not work",
    "teams.code_wrong.text": "The code is unknown, was used before or is older than an hour. Nothing was connected. Ask your "
    "FlowPilot Admin for a new one and write connect followed by the code.",
    "teams.taken.title": "This organisation is connected already",
    "teams.taken.text": "It belongs to another FlowPilot account, and that stays as it is. Your code is still good. The operator "
    "can release the organisation with flowpilot unlink teams.",
    "teams.guest.title": "FlowPilot is for members",
    "teams.guest.text": "Guests and people of other organisations cannot use FlowPilot, so nothing was started and nothing was "
    "changed. Ask a member of the organisation.",
    "teams.general": "General",
    "teams.hello.title": "FlowPilot is here now",
    "teams.hello.text": "Write what happened, a ticket number or a pasted log, in a channel after @FlowPilot. Each session stays in "
    "the thread where it was asked for, and only @FlowPilot or the box on its cards reaches it there.",
    "teams.hello_unlinked.title": "FlowPilot is here now",
    "teams.hello_unlinked.text": "One step is left: ask your FlowPilot Admin for a one-time code (flowpilot link teams makes one) "
    "and write connect followed by the code, in a channel after @FlowPilot.",
    "notice.teams_linked": "Your organisation is connected to your FlowPilot account. Write what happened or a ticket number, and a "
    "session starts. Whoever has the same e-mail in FlowPilot is known already.",
    "notice.teams_linked_already": "Your organisation is connected already, so the code was not used.",
    "notice.teams_shared": "Other organisations read that channel, so nothing is shown there. The session is in this chat.",
    "notice.teams_not_here": "FlowPilot is not in that team or chat, so the session is in this chat. Add FlowPilot there for the next one.",
    # Files
    "teams.file.elsewhere": "Teams keeps files of channels and group chats where FlowPilot cannot read them. Send it in your own chat "
    "with FlowPilot, or paste it into the message as a picture.",
    "teams.file.too_large": "It is larger than 20 MB. Send the part around the error instead.",
    "teams.file.not_ours": "It lies outside of Teams. Send it in your own chat with FlowPilot.",
    "teams.file.gone": "It was deleted, or its link is too old. Send it again.",
    "teams.file.unreadable": "It is not what its name says, or Teams did not give it out whole. Send it again.",
    # Where nothing can be posted
    "teams.too_large": "Teams shows no more than this here. The rest is kept; “Show the path” and “Copy” have it.",
    "notice.closed.thread.not_in_team": "FlowPilot is not in the team or chat of this session any more, so it goes on here. Add "
    "FlowPilot there for the next one. Nothing is lost.",
    "notice.closed.escalations.not_in_team": "FlowPilot is not in the team of the escalation channel, so the request for help stands "
    "in the session's own thread. Add FlowPilot to that team, or an Admin chooses another channel under Settings.",
    # While the Guide works
    "teams.live.status": "FlowPilot is working out the next step…",
    "teams.live.working": "FlowPilot is working on it · {seconds} s",
    "teams.live.over": "FlowPilot was working here. What came of it is shown in this conversation.",
}
