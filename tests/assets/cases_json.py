"""Payloads that two readers understand differently, certificates and content, validly signed."""

from __future__ import annotations

import json
from typing import Any

from certs import testpki
from tests.assets import letters
from tests.assets import rawsign as rs
from tests.assets.bench import OTHER_ROLES, Bench, Cases
from tests.assets.desk import Desk


def cases(bench: Bench) -> Cases:
    """Every case about the payload."""
    desk = Desk(bench)
    yield from _json(desk)
    yield from _certificates(desk)
    yield from _content(desk)


def _json(desk: Desk) -> Cases:
    """Text that two JSON readers understand differently, under a valid signature."""
    good = desk.payload("jws-json").decode()
    inside = good[1:-1]
    texts: dict[str, str | bytes] = {
        "duplicate": "{" + inside + ',"subject":"autre"}',
        "duplicate-first": '{"subject":"autre",' + inside + "}",
        "duplicate-escaped": "{" + inside + ',"subj\\u0065ct":"autre"}',
        "duplicate-nested": good.replace('"sender":{', '"sender":{"party":"A0000002-Q",'),
        "duplicate-same": "{" + inside + ',"test":false,"test":false}',
        "nan": "{" + inside + ',"x":NaN}',
        "infinity": "{" + inside + ',"x":-Infinity}',
        "big-integer": "{" + inside + ',"x":9007199254740993}',
        "huge-integer": "{" + inside + ',"x":' + "9" * 100_000 + "}",
        "huge-exponent": "{" + inside + ',"x":1e999999}',
        "float-exponent": "{" + inside + ',"x":1e400}',
        "lone-surrogate": good.replace("fictive", "\\ud800"),
        "lone-low-surrogate": good.replace("fictive", "\\udc00 x"),
        "swapped-surrogates": good.replace("fictive", "\\udc00\\ud800"),
        "surrogate-in-name": "{" + inside + ',"\\ud800":1}',
        "raw-surrogate": good.encode().replace(b"fictive", b"\xed\xa0\x80"),
        "bom": b"\xef\xbb\xbf" + good.encode(),
        "utf16": good.encode("utf-16"),
        "utf16-no-bom": good.encode("utf-16-be"),
        "latin1": json.dumps(letters.json_letter("x", desk.bench.now, body="é"), ensure_ascii=False).encode(
            "latin-1"
        ),
        "nul": good.encode() + b"\x00",
        "raw-control": good.replace("fictive", "a\x01b"),
        "raw-newline": good.replace("fictive", "a\nb"),
        "bad-escape": good.replace("fictive", "\\x41"),
        "comment": good.replace("{", "{/**/", 1),
        "trailing-comma": good[:-1] + ",}",
        "single-quotes": good.replace('"', "'"),
        "unquoted": good.replace('"version"', "version"),
        "trailing": good + "x",
        "two-values": good + good,
        "leading-zero": "{" + inside + ',"x":01}',
        "plus-sign": "{" + inside + ',"x":+1}',
        "not-object": "[]",
        "text": '"letter"',
        "null": "null",
        "white-space-form-feed": "\x0c" + good,
        "nbsp": "\u00a0" + good,
        "deep": "{" + inside + ',"x":' + "[" * 40 + "]" * 40 + "}",
        "deep-objects": "{" + inside + ',"x":' + '{"a":' * 40 + "1" + "}" * 40 + "}",
        "very-deep": "{" + inside + ',"x":' + "[" * 100_000 + "]" * 100_000 + "}",
        "unclosed-deep": "[" * 200_000,
        "members": "{" + inside + "," + ",".join(f'"m{n}":1' for n in range(100_000)) + "}",
        "proto": "{" + inside + ',"__proto__":{"test":true}}',
    }
    for name, text in texts.items():
        octets = text if isinstance(text, bytes) else text.encode()
        yield desk.make(f"json-{name}", octets)


def _certificates(desk: Desk) -> Cases:
    algorithms = {"weak-rsa": "RS256", "ledger": "EdDSA"}
    for name in (*testpki.BAD, "stranger", "ministry-own-root", "ministry-web", *OTHER_ROLES):
        if name == "weak-rsa":
            continue
        holder = desk.bench.pki[name]
        chain = [rs.b64(rs.der(one)) for one in (holder.certificate, *holder.chain)]
        yield desk.make(f"jws-cert-{name}", holder=name, alg=algorithms.get(name, "ES256"), x5c=chain)
        yield desk.make(
            f"jws-cert-{name}-thumbprint", holder=name, alg=algorithms.get(name, "ES256"), x5c=None
        )


def _content(desk: Desk) -> Cases:
    changes: dict[str, dict[str, Any]] = {
        "audience": {"hub": "OTHER-HUB"},
        "party-another": {"sender": {"party": letters.COMMUNE}},
        "party-unknown": {"sender": {"party": "A0000003-O"}},
        "unknown-member": {"urn:example:x": 1},
        "bad-enum": {"purpose": "lettre"},
        "missing-subject": {"subject": None},
        "null-subject": {"summary": ["x"]},
        "wrong-type": {"test": "false"},
        "number-as-text": {"version": 1.0},
        "nested-unknown": {"sender": {"party": letters.MINISTRY, "x": 1}},
        "no-recipients": {"recipients": []},
        "many-recipients": {"recipients": [{"office": letters.OFFICE}] * 5000},
    }
    for name, change in changes.items():
        case = f"jws-content-{name}"
        yield desk.make(case, desk.payload(case, **change))
    case = "jws-content-pattern"
    yield desk.make(case, desk.payload(case, subject="x\n" * 100, language="fr-" + "aaaaaaaa-" * 2000))
