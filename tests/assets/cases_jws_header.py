"""Header members, critical extensions and signing times of JSON letters."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

from tests.assets import letters, rawjws
from tests.assets.bench import Bench, Case, Cases
from tests.assets.desk import Desk
from tests.assets.letters import JOSE, JOSE_JSON, b64url


def cases(bench: Bench) -> Cases:
    """Every case about the header."""
    desk = Desk(bench)
    yield from _header(desk)
    yield from _critical(desk)
    yield from _times(desk)


def _header(desk: Desk) -> Cases:
    for name, value in {
        "missing": None,
        "other": "JWT",
        "receipt": "wasl-receipt+json",
        "webhook": "wasl-webhook+json",
        "long": "application/wasl-envelope+json",
        "upper": "WASL-ENVELOPE+JSON",
        "list": ["wasl-envelope+json"],
        "jose": "JOSE",
    }.items():
        yield desk.make(f"jws-typ-{name}", typ=value)
    good = json.dumps(desk.header())
    inside = good[1:-1]
    yield desk.text("jws-header-duplicate-alg", "{" + inside + ',"alg":"none"}')
    yield desk.text("jws-header-duplicate-alg-first", '{"alg":"none",' + inside + "}")
    yield desk.text("jws-header-duplicate-escaped", "{" + inside + ',"\\u0061lg":"none"}')
    yield desk.text("jws-header-duplicate-x5c", "{" + inside + ',"x5c":[]}')
    yield desk.text("jws-header-duplicate-same", "{" + inside + ',"typ":"wasl-envelope+json"}')
    yield desk.text("jws-header-bom", b"\xef\xbb\xbf" + good.encode())
    yield desk.text("jws-header-utf16", good.encode("utf-16-le"))
    yield desk.text("jws-header-not-object", "[]")
    yield desk.text("jws-header-empty", b"")
    yield desk.text("jws-header-null", "null")
    yield desk.text("jws-header-trailing", good + " x")
    yield desk.text("jws-header-nan", "{" + inside + ',"iat":NaN}')
    yield desk.text("jws-header-deep", "{" + inside + ',"kid":' + "[" * 5000 + "]" * 5000 + "}")
    yield desk.text("jws-header-big-integer", good.replace(str(desk.iat), "9" * 5000))
    yield desk.text("jws-header-bad-utf8", good.encode().replace(b"ES256", b"ES256\xff"))
    yield desk.text("jws-header-comment", good.replace("{", "{/* */", 1))
    yield desk.text("jws-header-single-quotes", good.replace('"', "'"))
    yield desk.make("jws-header-unknown-member", urn="x")
    yield desk.make("jws-header-url-member", url="https://example.test/")
    yield desk.make("jws-header-zip", zip="DEF")
    yield desk.make("jws-header-enc", enc="A128GCM")
    yield desk.make(
        "jws-header-sigd", sigD={"mId": "http://uri.etsi.org/19182/ObjectIdByURI", "pars": [desk.bench.trap]}
    )
    yield desk.make("jws-header-huge", kid="k" * 300_000)


def _critical(desk: Desk) -> Cases:
    lists: dict[str, Any] = {
        "empty": [],
        "unknown": ["urn:example:extension"],
        "alg": ["alg"],
        "absent": ["sigT"],
        "text": "iat",
        "twice": ["iat", "iat"],
        "null": [None],
        "itself": ["crit"],
        "number": 1,
        "exp": ["exp"],
        "object": {"iat": True},
        "nested": [["iat"]],
    }
    for name, value in lists.items():
        yield desk.make(f"jws-crit-{name}", crit=value)
    yield desk.make("jws-crit-unknown-present", crit=["urn:example:x"], **{"urn:example:x": 1})
    head, payload = desk.header(b64=False, crit=["b64"]), desk.payload("jws-b64-false")
    protected = b64url(json.dumps(head).encode())
    signature = rawjws.sign_input(
        "ES256", desk.bench.pki["ministry"].key, protected.encode() + b"." + payload
    )
    yield Case(
        "jws-b64-false",
        protected.encode() + b"." + payload.replace(b".", b"") + b"." + b64url(signature).encode(),
        JOSE,
    )
    yield Case("jws-b64-detached", f"{protected}..{b64url(signature)}".encode(), JOSE)
    body = {"protected": protected, "payload": payload.decode(), "signature": b64url(signature)}
    yield Case("jws-b64-false-flattened", json.dumps(body).encode(), JOSE_JSON)
    yield desk.make("jws-b64-true", b64=True, crit=["b64"])
    yield desk.make("jws-b64-not-critical", b64=False)


def _times(desk: Desk) -> Cases:
    stamp = desk.bench.at
    yield desk.make("jws-both-times", sigT=stamp(minutes=-1))
    yield desk.make("jws-no-time", iat=None)
    for name, shift in {
        "old": {"days": -8},
        "years-old": {"days": -3000},
        "future": {"minutes": 7},
        "far-future": {"days": 40000},
    }.items():
        moment = desk.bench.now + timedelta(**shift)
        yield desk.make(f"jws-iat-{name}", iat=int(moment.timestamp()))
        yield desk.make(f"jws-sigt-{name}", iat=None, sigT=letters.stamp(moment))
    odd: dict[str, Any] = {
        "text": str(desk.iat),
        "true": True,
        "negative": -1,
        "float": desk.iat + 0.5,
        "list": [desk.iat],
        "milliseconds": desk.iat * 1000,
        "beyond-calendar": 9_007_199_254_740_991,
        "zero": 0,
    }
    for name, value in odd.items():
        yield desk.make(f"jws-iat-{name}", iat=value)
    texts: dict[str, Any] = {
        "no-zone": stamp()[:-1],
        "number": desk.iat,
        "empty": "",
        "date": stamp()[:10],
        "arabic-digits": stamp().translate(str.maketrans("0123456789", "٠١٢٣٤٥٦٧٨٩")),
        "month-13": stamp()[:5] + "13" + stamp()[7:],
        "trailing": stamp() + "\n",
    }
    for name, value in texts.items():
        yield desk.make(f"jws-sigt-{name}", iat=None, sigT=value)
