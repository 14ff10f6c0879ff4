"""The sentences FlowPilot says: to one person, in a thread, as a reminder, and why a click was refused."""

from __future__ import annotations

from collections.abc import Mapping

NOTICES: Mapping[str, str] = {
    # ── Escalation ──
    "notice.escalation_requested": "{requester} asks {target} for help: {reason} The diagnosis waits until somebody picks it up.",
    "notice.escalation_withdrawn": "{name} withdrew the request for help. {owner} carries on.",
    "notice.advice": "{name} advises on “{problem}”: {advice} Is that enough to carry on?",
    "notice.advice_given": "{name} gave advice: {advice} {requester} decides whether it is enough.",
    "notice.advice_taken": "{name} carries on with the advice. The request for help is closed.",
    "notice.advice_declined": "{name} still needs somebody. The request for help stays open.",
    "notice.picked_up": "{name} picked up “{problem}” and goes on from here, starting with a briefing on what was done.",
    "notice.picked_up_fresh": "{name} picked this up with fresh eyes. A new session starts from the facts and what is "
    "ruled out; this one is documented and ends here.",
    "notice.pickup_postponed": "{name} takes “{problem}” at {until}. Reminders are silent until then.",
    "notice.pickup_declined": "{name} cannot take “{problem}”: {said} It stays open for others who may pick it up.",
    "notice.more_needed": "{name} needs more before taking “{problem}”: {said} Write it in the thread; it is kept with the session.",
    "notice.taken_over": "{name} took this session over and goes on from here, starting with a briefing.",
    "notice.taken_over_from_you": "{name} took over “{problem}” from you. Your time up to now is kept for the ticket, and you "
    "can still add notes and evidence.",
    # ── While it is worked on ──
    "notice.paused": "Paused, waiting for {waiting}. {reminder} The clock stands still.",
    "notice.paused_for": "Paused, waiting for {waiting}: {reason} {reminder} The clock stands still.",
    "notice.note_kept": "Your note is kept with “{problem}”.",
    "notice.time_box": "This has taken {elapsed} of work and is not solved. Somebody else may see it faster: Escalate hands "
    "over everything found so far. You can also just carry on; this is said once.",
    "notice.guide_failed": "FlowPilot could not work out the next step this time. Everything you said is kept. "
    "Add what you see now, or say “go on”, and it tries again; you can also escalate or resolve.{error}",
    "notice.guide_stopped": "{name} stopped FlowPilot; the step it was working out is not shown. Everything you said is kept. "
    "Say what you see now, or press Ask again.",
    "session.stopped": "FlowPilot was stopped before it had a next step. Say what you see now, or press Ask again.",
    "verb.stop": "Stop",
    "verb.ask_again": "Ask again",
    "notice.given_up": "Something FlowPilot had to do for “{problem}” failed several times and is not tried again by itself. "
    "Everything said and done is kept. Look at its card and its ticket; *copy* gives the text to carry over by hand.{error}",
    "said.error_id": " The number for support is {error_id}.",
    "notice.ticket_unreadable": "{ticket_problem} The session goes on from what you wrote, and nothing is lost. "
    "Link the ticket when you have the right number or ConnectWise answers again.",
    "notice.catch_up": "Where “{problem}” stands",
    "said.catch_up_empty": "Nothing has been done here yet.",
    # ── The end ──
    "notice.resolved": "{name} resolved this: {summary}",
    "notice.abandoned": "{name} ended this unsolved. What was done is kept.",
    "notice.abandoned_idle": "Nothing happened here for 14 days, so the session ended by itself. What was done is kept.",
    "notice.rated": "Thank you. Your rating is kept.",
    "notice.push_parked": "{part} for {ticket} is not posted. ConnectWise says: {reason} The text is kept and is not tried "
    "again by itself. Once that is put right, press Retry.",
    "notice.push_parked_unknown": "{part} for {ticket} was sent, but ConnectWise did not say whether it arrived. The text "
    "is kept. Check the ticket, then press Retry; what is there already is not posted twice.",
    "notice.push_parked_bare": "{part} for {ticket} is not posted, and ConnectWise gave no reason. The text is kept and is "
    "not tried again by itself. Press Retry when you are ready.{error}",
    "notice.time_counted": "Counted. The time is kept for {ticket}.",
    "notice.time_dropped": "Dropped. That time is not posted.",
    "said.no_summary": "no summary was written.",
    "said.the_ticket": "the ticket",
    "said.a_part": "Something",
    "said.nothing_posted": "nothing has been written yet",
    # How the engine files what was said with a refused pickup.
    "filed.declined": "Declined",
    "filed.more_needed": "Needs more first",
    # ── Reminders ──
    "notice.unclaimed": "Nobody has picked this up yet. {requester} asked {target} {age} ago: {reason}",
    "notice.unclaimed_mention": "{names}: “{problem}” has waited {age} for somebody. {requester} asks because: {reason}",
    "notice.unclaimed_no_lead": "Nobody has picked up “{problem}” for {age}, and this account has no Lead yet. "
    "An Admin names one under *people*.",
    "notice.paused_reminder": "You asked to be reminded of “{problem}”. It is paused since {since}, waiting for {waiting}.",
    "notice.idle_owner": "Nothing has happened on “{problem}” for 3 days. Is it still open? Untouched, a Lead hears of it "
    "after 7 days and it ends after 14; what was done is kept.",
    "notice.idle_lead": "“{problem}” of {owner} has been quiet for 7 days. It ends by itself after 14; what was done is kept.",
    "notice.unposted": "“{problem}” is finished, but not everything is in ConnectWise: {parts}. It is all kept.",
    "said.unposted_part": "{part}, {state}",
    # ── Refusals ──
    "refused.not_owner": "Only {owner}, whose session this is, or a Lead can do that. You can add notes and evidence at any time.",
    "refused.same_engineer": "Only {owner} can resume this, because the same engineer goes on. A Lead can take it over instead.",
    "refused.own_session": "This is your session already, so there is nothing to take over. Go on with the step on its card.",
    "refused.leads_take_over": "Only a Lead can take a session over. {owner} can escalate it to you instead.",
    "refused.not_requester": "{requester} asked for help here, so that is up to {requester}; a Lead can withdraw or end "
    "the request. You can add notes and advice.",
    "refused.own_escalation": "You asked for help here, or it is your session, so another engineer has to do that. "
    "To go on yourself, press Withdraw.",
    "refused.no_escalation": "Nobody asks for help here at the moment, so there is nothing to pick up. *queue* shows who waits.",
    "refused.other_team": "This one is for {target}: its members or a Lead pick it up. You can still give advice.",
    "refused.leads_only": "In this channel only Leads pick up, so it is left to them. You can still give advice.",
    "refused.named_team_later": "This one is for {target} by name. Your team can take it from {team_at}, or as soon as "
    "{target} declines. You can give advice now.",
    "refused.named_other": "This one is for {target} by name, so {target} or a Lead picks it up. You can still give advice.",
    "refused.self_escalation": "Help has to come from another engineer, and you chose the one who has it now. "
    "Choose anyone, a team or a colleague.",
    "refused.time_has_passed": "That time has passed, so nothing was changed. Choose a later one.",
    "refused.rating": "A rating is a number from 1 to 5, so this one was not kept. Please choose again.",
    "refused.no_such_gap": "There is no undecided time of yours at that hour. It may have been decided already; *time* shows what counts.",
    "refused.nothing_to_undo": "There is no answer here that can be taken back. Add a note to put the record right.",
    "refused.nothing_to_stop": "FlowPilot is not working on a step here now, so nothing was stopped. The card shows where it stands.",
    "refused.undo_too_late": "That answer cannot be taken back any more, because the work went on from it. "
    "Add a note to put the record right.",
    "refused.ended": "This session has ended ({status}), so it cannot be changed. What was done is kept; start a "
    "follow-up to go on from it.",
    "refused.ended_words": "This session has ended ({status}), so what you wrote was not added to it. "
    "Start a follow-up to go on from it.",
    "refused.while_active": "This session is being worked on, so that does not fit now. Its card shows what does.",
    "refused.while_paused": "This session is paused, so that has to wait. {owner} can resume it first.",
    "refused.while_requesting_escalation": "This session waits for another engineer, so that has to wait. "
    "{requester} can withdraw the request to go on.",
    # ── Beside the sessions ──
    "notice.not_linked": "This workspace is not linked to an account yet, so nothing was started. An Admin makes a one-time "
    "code with `flowpilot connect`; paste it here as *link code*.",
    "notice.guest": "Guests cannot use FlowPilot, so nothing was started. Ask a full member of the workspace.",
    "notice.shared_channel": "This channel is shared with other organisations, so nothing is shown here. The session is in "
    "your direct messages.",
    "notice.invite_me": "FlowPilot is not in this channel, so the session is in your direct messages. Invite it here with "
    "/invite @FlowPilot for the next one.",
    "notice.no_session_here": "There is no session in this thread, so nothing was changed. Start one with a sentence or a "
    "ticket number, or see *mine*.",
    "notice.gone": "That session cannot be found any more. Nothing was changed; *mine* lists the ones you have.",
    "notice.not_understood": "FlowPilot did not understand that, and nothing was changed. *help* shows what it knows.",
    "notice.form_expired": "That form is too old to be used, so nothing was changed. Please open it again.",
    "notice.admin_only": "Only an Admin can change that, so nothing was changed. *people* shows who is one.",
    "notice.admin_or_lead_only": "Only a Lead or an Admin can do that, so nothing was changed.",
    "notice.checking": "Checking ConnectWise. The keys are kept encrypted; this takes a few seconds.",
    "notice.connected": "ConnectWise is connected. {text}",
    "notice.keys_unused": "The new keys are not in use: {text} ConnectWise goes on with the keys from before. Correct them and connect again.",
    "notice.keys_gone": "They were kept for a day and could not be checked in that time.",
    "notice.connect_failed": "ConnectWise was not connected: {text} What you typed is kept, except the keys. Correct it and connect again.",
    "notice.settings_saved": "The settings are kept and count from now on.",
    "notice.setting_wrong": "The settings were not changed: {text} Please correct it and save again.",
    "notice.people_saved": "{name} is changed. It counts from now on.",
    "notice.retrying": "Posting again what is still owed. The card shows each part.",
    "notice.asked_to_take": "{name} asks to take “{problem}” from you. Escalate it to {name}, or leave it as it is.",
    "notice.asked_owner": "The owner is asked, and hears it privately. Nothing changes until the session is escalated to you.",
    "notice.kept_while_paused": "Kept with “{problem}”. It is paused, so FlowPilot does not go on from it until it is resumed.",
    "notice.time_unclear": "FlowPilot could not read that time, so nothing was changed. Write it like 14:30, tomorrow 9:00 or Tue 14:30.",
    "notice.nobody_named": "Nobody here has that name or e-mail: {text} *people* lists everybody. If it was a problem, "
    "write *start:* before it.",
    "notice.no_such_person": "Nobody of that name is in this account, so nothing was changed. *people* shows who is.",
    "notice.no_connection": "ConnectWise is not connected, so there are no tickets to show. Sessions work without it; "
    "an Admin connects it with *connect*.",
    "notice.unmapped_tickets": "FlowPilot does not know your ConnectWise member yet, so it cannot list your tickets. "
    "Search with words or give a number; an Admin maps the member under *people*.",
    "notice.tickets_slow": "ConnectWise did not answer in time, so your tickets are not shown. Open this again in a minute, or "
    "start with the ticket's number.",
    "notice.channel_unclear": "That is no channel FlowPilot can find, so nothing was changed. Choose one from the list, or paste its "
    "id, such as C0123ABCD; leave it empty for none.",
    "notice.text_kept": "Your changes to the text of “{problem}” are kept for a day. They count when you submit the form; open it "
    "again if you closed it.",
    "notice.text_too_long": "The whole text would be longer than 100,000 characters, so this part was not changed. Shorten it, or "
    "add the rest as a note.",
    "notice.file_refused": "One file was not read: {text} Everything else you sent is kept.",
    "notice.sentence": "{text}",
    "notice.evidence_kept": "Kept with “{problem}”.",
    "notice.secret": "That looks like a password. What you wrote is kept in FlowPilot as it stands; on its way to Claude and to "
    "ConnectWise the password is masked. Delete your chat message, and change the password.",
}
