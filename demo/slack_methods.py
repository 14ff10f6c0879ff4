"""The table of Web API methods: what each one does, and the scope it asks for."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from demo import slack_agents as agents
from demo import slack_chat as chat
from demo import slack_files as files
from demo import slack_oauth as oauth
from demo import slack_rooms as rooms
from demo import slack_views as views
from demo.slack_call import Call
from demo.slack_delivery import Delivery
from demo.slack_refusals import Json, Refused
from demo.slack_world import World


@dataclass(frozen=True, slots=True)
class Method:
    """`scopes`: any of them will do; those that depend on the channel are asked for where it is known."""

    act: Callable[[Call], Json]
    scopes: tuple[str, ...] = ()
    kind: str = "bot"


def _nothing(call: Call) -> Json:
    return {"args": {name: value for name, value in call.args.items() if name != "token"}}


def _revoke(call: Call) -> Json:
    return oauth.revoked(call.world, call.grant)


def _socket(call: Call) -> Json:
    ticket = call.world.take("socket")
    call.world.codes[f"ws:{ticket}"] = call.team.id
    return {"url": f"{call.world.base.replace('http', 'ws', 1)}/socket/{ticket}"}


WRITE = ("chat:write",)
METHODS: dict[str, Method] = {
    "api.test": Method(_nothing),
    "auth.test": Method(rooms.auth_test),
    "auth.revoke": Method(_revoke),
    "chat.postMessage": Method(chat.post_message, WRITE),
    "chat.update": Method(chat.update, WRITE),
    "chat.delete": Method(chat.delete, WRITE),
    "chat.postEphemeral": Method(chat.post_ephemeral, WRITE),
    "chat.getPermalink": Method(chat.permalink),
    "chat.startStream": Method(agents.start_stream, WRITE),
    "chat.appendStream": Method(agents.append_stream, WRITE),
    "chat.stopStream": Method(agents.stop_stream, WRITE),
    "conversations.info": Method(rooms.info),
    "conversations.list": Method(rooms.listing),
    "conversations.members": Method(rooms.members),
    "conversations.open": Method(rooms.opened, ("im:write",)),
    "conversations.history": Method(rooms.history),
    "conversations.replies": Method(rooms.replies),
    "users.info": Method(rooms.users_info, ("users:read",)),
    "users.list": Method(rooms.users_list, ("users:read",)),
    "users.lookupByEmail": Method(rooms.users_by_email, ("users:read.email",)),
    "reactions.add": Method(rooms.add_reaction, ("reactions:write",)),
    "reactions.remove": Method(rooms.remove_reaction, ("reactions:write",)),
    "views.open": Method(views.opened),
    "views.push": Method(views.pushed),
    "views.update": Method(views.updated),
    "views.publish": Method(views.published),
    "files.info": Method(files.about, ("files:read",)),
    "files.getUploadURLExternal": Method(files.upload_address, ("files:write",)),
    "files.completeUploadExternal": Method(files.complete_upload, ("files:write",)),
    "assistant.threads.setStatus": Method(agents.set_status, ("assistant:write", "chat:write")),
    "assistant.threads.setTitle": Method(agents.set_title, ("assistant:write",)),
    "assistant.threads.setSuggestedPrompts": Method(agents.set_prompts, ("assistant:write",)),
    "agents.sessions.setStatus": Method(agents.set_session, WRITE),
    "agents.sessions.rename": Method(agents.rename_session, WRITE),
    "apps.connections.open": Method(_socket, ("connections:write",), "app"),
}


def answer(world: World, delivery: Delivery, name: str, token: str, args: Json) -> Json:
    """The body of the answer to one call, refusals included."""
    try:
        if name == "oauth.v2.access":
            return {"ok": True, **oauth.access(world, args)}
        return _carried_out(world, delivery, name, token, args)
    except Refused as refused:
        return refused.body()


def _carried_out(world: World, delivery: Delivery, name: str, token: str, args: Json) -> Json:
    method = METHODS.get(name)
    if method is None:
        raise Refused("unknown_method", req_method=name)
    grant = world.grant(token)
    if grant.kind != method.kind:
        raise Refused("not_allowed_token_type")
    call = Call(world, delivery, grant, name, args)
    call.needs(*method.scopes)
    body: Json = {"ok": True, **method.act(call)}
    if call.warnings:
        body |= {"warning": ",".join(call.warnings)}
        body["response_metadata"] = body.get("response_metadata", {}) | {"warnings": call.warnings}
    return body
