"""The words about screenshots: why one is not taken, and what a Session's card says of those it keeps."""

from __future__ import annotations

from collections.abc import Mapping

PICTURES: Mapping[str, str] = {
    # ── Why one is not taken ──
    "picture.too_large": "The picture has {size} MB; up to 20 MB are taken. Crop it to the part around the error and send it again.",
    "picture.too_many_pixels": "The picture has more than 50 megapixels, so it was not opened. Crop it to the part around the "
    "error and send it again.",
    "picture.damaged": "The picture is damaged or was cut off on its way, so it was not kept. Take the screenshot again and "
    "send it as PNG or JPEG.",
    "picture.format": "This picture format cannot be read. Save it as PNG or JPEG and send it again.",
    "picture.none": "The file is called a picture, but there is none in it. Send the screenshot as PNG or JPEG, or a log with "
    "a name like app.log.",
    "picture.no_time": "The picture could not be prepared in time and was not kept; everything else was. Send it again in a minute.",
    "picture.too_many": "{most} pictures are taken from one message. {count} more came and were not kept. Send them in another message.",
    "picture.full": "A session keeps {most} pictures. {count} more came and were not kept. Describe in words what they show.",
    # ── On the session card ──
    "session.picture_kept": "Kept with the session.",
    "session.picture_unread": "Kept with the session. Without Claude nobody reads it for you.",
    "session.pictures_unread": "Kept with the session. Without Claude nobody reads them for you.",
    "session.picture_held_back": "Kept with the session, and not sent to Claude.",
    "session.shot": "Screenshot",
    "session.shots": "Screenshots",
    "session.shots_more": "{count} more",
    "session.picture_saw": "Read in a screenshot",
}
