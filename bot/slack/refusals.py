"""What Slack's refusals mean to us: who may not speak, where nothing can be said, and what was too much."""

from __future__ import annotations

GONE = frozenset(
    {
        "invalid_auth",
        "not_authed",
        "token_revoked",
        "token_expired",
        "account_inactive",
        "team_access_not_granted",
    }
)
"""Slack refuses not what was asked but who asks: the app was uninstalled, or its token revoked."""
CLOSED = {
    "not_in_channel": "not_in_channel",
    "channel_not_found": "not_in_channel",
    "is_archived": "archived",
    "restricted_action": "not_allowed",
    "restricted_action_read_only_channel": "not_allowed",
    "restricted_action_thread_only_channel": "not_allowed",
    "thread_locked": "not_allowed",
    "user_not_in_channel": "not_in_channel",
    "cannot_reply_to_message": "not_allowed",
    "thread_not_found": "root_gone",
}
"""Nothing can be said there; the value names the sentence that says so."""
TOO_MUCH = frozenset(
    {"msg_too_long", "msg_blocks_too_long", "invalid_blocks", "invalid_blocks_format", "metadata_too_large"}
)
"""Not this message, but a smaller one."""
CLOSED_VIEW = frozenset({"not_found", "view_not_found", "hash_conflict"})
"""The window is not there any more, or shows something newer."""
LOST = frozenset({"message_not_found", "cant_update_message", "edit_window_closed"})
"""The message cannot be edited, so it is posted anew."""
NOBODY = frozenset(
    {"user_not_found", "cannot_dm_bot", "user_disabled", "messages_tab_disabled", "user_not_visible"}
)
"""Nobody reads there."""
