"""The key with which Teams signs what it sends, and what it publishes of it."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from functools import cache
from typing import Any

import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from demo.teams_refusals import Json
from demo.teams_world import World

ISSUER = "https://api.botframework.com"
ENDORSED = ["msteams", "webchat", "skype", "directline"]
SIGNED_SECONDS = 3600


@cache
def _key(number: int) -> rsa.RSAPrivateKey:
    """Made once in a process: a key takes a tenth of a second."""
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


def _public(key: rsa.RSAPrivateKey) -> bytes:
    form = serialization.PublicFormat.SubjectPublicKeyInfo
    return key.public_key().public_bytes(serialization.Encoding.PEM, form)


def _kid(key: rsa.RSAPrivateKey) -> str:
    return _text(hashlib.sha256(_public(key)).digest())[:27]


def _text(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def _number(value: int) -> str:
    return _text(value.to_bytes((value.bit_length() + 7) // 8, "big"))


class Keys:
    """`rotate` retires the key: what was signed with it is of an unknown kid after that."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._generation = 0
        self.endorsements: list[str] = list(ENDORSED)

    def rotate(self) -> None:
        self._generation += 2

    @property
    def kid(self) -> str:
        return _kid(_key(self._generation))

    def metadata(self) -> Json:
        return {
            "issuer": ISSUER,
            "authorization_endpoint": "https://invalid.botframework.com",
            "jwks_uri": f"{self._world.base}/openid/keys",
            "id_token_signing_alg_values_supported": ["RS256"],
            "token_endpoint_auth_methods_supported": ["private_key_jwt"],
        }

    def published(self) -> Json:
        numbers = _key(self._generation).public_key().public_numbers()
        key: Json = {"kty": "RSA", "use": "sig", "kid": self.kid, "x5t": self.kid}
        key |= {"n": _number(numbers.n), "e": _number(numbers.e)}
        return {"keys": [key | {"endorsements": self.endorsements}]}

    def token(self, **changes: Any) -> str:
        """The signed token of a request. `changes`: a claim (iss, aud, serviceurl, exp, nbf; None leaves it out), a
        header (kid, alg: RS256, HS256 with the public key as its secret, none), `other_key`: signed by a key that is
        not published under the real kid, `garbage`: no token at all.
        """
        if changes.pop("garbage", False):
            return "this.is.garbage"
        key = _key(self._generation + (1 if changes.pop("other_key", False) else 0))
        header = {"kid": changes.pop("kid", self.kid), "x5t": self.kid}
        header = {name: value for name, value in header.items() if value is not None}
        algorithm = changes.pop("alg", "RS256")
        now = int(self._world.clock())
        claims: Json = {"iss": ISSUER, "aud": self._world.app_id, "serviceurl": self._world.service_url}
        claims |= {"nbf": now - 300, "exp": now + SIGNED_SECONDS, **changes}
        claims = {name: value for name, value in claims.items() if value is not None}
        if algorithm == "RS256":
            return jwt.encode(claims, key, "RS256", header)
        return _weak(claims, {"typ": "JWT", "alg": algorithm, **header}, _public(_key(self._generation)))


def _weak(claims: Json, header: Json, secret: bytes) -> str:
    """PyJWT refuses to make such tokens, attackers do not."""
    signed = ".".join(_text(json.dumps(part).encode()) for part in (header, claims))
    if header["alg"] == "none":
        return f"{signed}."
    return f"{signed}.{_text(hmac.new(secret, signed.encode(), hashlib.sha256).digest())}"
