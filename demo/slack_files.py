"""Files: what people attach, what the app downloads, and the three steps of an upload by the app."""

from __future__ import annotations

import base64
import binascii
from urllib.parse import quote

from aiohttp import web

from demo import slack_messages as messages
from demo.slack_call import Call
from demo.slack_chat import thread_of
from demo.slack_refusals import Impossible, Json, Refused
from demo.slack_world import APP, Person, World

LOGIN_PAGE = (
    "<!DOCTYPE html><html><head><title>Sign in | Slack</title></head>"
    "<body><h1>Sign in to your workspace</h1><form><input name='email'></form></body></html>"
)


def new_file(world: World, person: Person, given: Json) -> Json:
    """Stores {name, mimetype, content_b64} and gives its record, as messages and windows carry it."""
    try:
        content = base64.b64decode(str(given["content_b64"]), validate=True)
    except (KeyError, binascii.Error) as error:
        raise Impossible(f"a file needs name, mimetype and content_b64: {error}") from None
    return stored(world, person.id, person.team, str(given["name"]), str(given.get("mimetype", "")), content)


def stored(world: World, user: str, team: str, name: str, mimetype: str, content: bytes) -> Json:
    file_id = world.take("F")
    address = f"{world.base}/files-pri/{team}-{file_id}"
    kind = name.rpartition(".")[2].lower() or "binary"
    now = int(world.clock())
    record: Json = {
        "id": file_id,
        "created": now,
        "timestamp": now,
        "name": name,
        "title": name,
        "mimetype": mimetype or "application/octet-stream",
        "filetype": kind,
        "pretty_type": kind.upper(),
        "user": user,
        "user_team": team,
        "editable": False,
        "size": len(content),
        "mode": "hosted",
        "is_external": False,
        "external_type": "",
        "is_public": True,
        "public_url_shared": False,
        "display_as_bot": False,
        "username": "",
        "url_private": f"{address}/{quote(name)}",
        "url_private_download": f"{address}/download/{quote(name)}",
        "media_display_type": "unknown",
        "permalink": f"https://{world.teams[team].domain}.slack.com/files/{user}/{file_id}/{quote(name)}",
        "has_rich_preview": False,
        "file_access": "visible",
    }
    world.files[file_id] = record
    world.contents[file_id] = content
    return record


def download(world: World, token: str, path: str) -> web.Response:
    """The content; without the right to read files a sign-in page with status 200, as Slack does."""
    file_id = path.removeprefix("/files-pri/").split("/")[0].partition("-")[2]
    try:
        allowed = "files:read" in world.grant(token).scopes
    except Refused:
        allowed = False
    if not allowed:
        return web.Response(text=LOGIN_PAGE, content_type="text/html")
    if file_id not in world.contents:
        return web.Response(status=404, text="File not found", content_type="text/html")
    record = world.files[file_id]
    headers = {"Content-Disposition": f"attachment; filename*=UTF-8''{quote(record['name'])}"}
    return web.Response(body=world.contents[file_id], content_type=record["mimetype"], headers=headers)


def about(call: Call) -> Json:
    found = call.world.files.get(call.text("file"))
    if found is None:
        raise Refused("file_not_found")
    return {"file": found, "comments": [], "response_metadata": {"next_cursor": ""}}


def upload_address(call: Call) -> Json:
    """Step one: files.getUploadURLExternal."""
    name, length = call.text("filename"), call.text("length")
    if not name or not length.isdigit() or int(length) == 0:
        raise Refused("invalid_arguments")
    record = stored(call.world, call.team.bot_user, call.team.id, name, "", b"")
    record |= {"size": int(length), "_waiting": True}
    return {"upload_url": f"{call.world.base}/upload/v1/{record['id']}", "file_id": record["id"]}


def take_upload(world: World, file_id: str, content: bytes, mimetype: str) -> web.Response:
    """Step two: the content, sent to the address of step one."""
    record = world.files.get(file_id)
    if record is None or not record.get("_waiting") or len(content) != record["size"]:
        return web.Response(status=400, text="upload failed")
    world.contents[file_id] = content
    record["mimetype"] = mimetype if mimetype != "application/octet-stream" else record["mimetype"]
    return web.Response(text=f"OK - {len(content)}")


def complete_upload(call: Call) -> Json:
    """Step three: files.completeUploadExternal shows the files in a channel, or keeps them unseen."""
    given = call.json("files")
    if not isinstance(given, list) or not given:
        raise Refused("invalid_arguments")
    records = []
    for one in given:
        record = call.world.files.get(str(one.get("id")))
        if record is None or call.world.contents.get(record["id"]) == b"":
            raise Refused("file_not_found")
        record.pop("_waiting", None)
        record["title"] = one.get("title") or record["title"]
        records.append(record)
    if call.text("channel_id"):
        channel = call.place("channel_id")
        message = messages.bot_message(call.world, call.team)
        message |= {"text": call.text("initial_comment"), "files": records, "app_id": APP}
        if thread := thread_of(call, channel):
            message["thread_ts"] = thread
        messages.put(call.world, channel, message)
        messages.announce(call.world, call.delivery, call.team, channel, message)
    return {"files": records}
