"""Values at the edges of the content model, under good signatures: two readers must never differ."""

from __future__ import annotations

from typing import Any

from tests.assets import letters
from tests.assets import rawsign as rs
from tests.assets.bench import Bench, Case, Cases
from tests.assets.desk import Desk

DIGEST = "0" * 64
PATTERNS = {
    "language": ("<Language>fr<", "<Language>fr{}<", "-aaaaaaaa", "!"),
    "digits": ("<Language>fr<", "<Language>fr{}<", "-1", "-"),
    "party": ("<Party>", "<Party>{}", "A0000001-", ""),
    "hub": ("<Hub>", "<Hub>{}", "a.", " "),
    "message-id": ("<MessageId>", "<MessageId>{}", "0123-", ""),
}


def cases(bench: Bench) -> Cases:
    """Every case about values."""
    yield from _signature_namespace(bench)
    yield from _xml_values(bench)
    yield from _patterns(bench)
    desk = Desk(bench)
    yield from _json_values(desk)
    yield from _json_attachments(desk)


def _signature_namespace(bench: Bench) -> Cases:
    """The schema leaves room for one signature; nothing else may slip through that room."""
    forged = bench.letter("x", declaration="", slot="", attributes="", subject="autre")
    contents = {
        "object": f'<ds:Object xmlns:ds="{rs.DS}">{forged}</ds:Object>',
        "key-info": f'<ds:KeyInfo xmlns:ds="{rs.DS}"><ds:KeyName>x</ds:KeyName></ds:KeyInfo>',
        "signed-info": f'<ds:SignedInfo xmlns:ds="{rs.DS}"/>',
        "value": f'<ds:SignatureValue xmlns:ds="{rs.DS}">AAAA</ds:SignatureValue>',
        "unknown": f'<ds:Unknown xmlns:ds="{rs.DS}"/>',
        "lower": f'<ds:signature xmlns:ds="{rs.DS}"/>',
    }
    for name, extra in contents.items():
        yield bench.xades(f"room-{name}", bench.letter(f"room-{name}", extra=extra))
        yield bench.plain(f"room-{name}-basic", bench.letter(f"room-{name}", extra=extra))


def _attachment(**changes: str) -> str:
    fields = {
        "Id": "a",
        "Name": "note.txt",
        "MediaType": "text/plain",
        "Size": "1",
        "Sha256": DIGEST,
    } | changes
    inside = "".join(f"<{name}>{value}</{name}>" for name, value in fields.items())
    return f"<Attachments><Attachment>{inside}</Attachment></Attachments>"


def _xml_values(bench: Bench) -> Cases:
    day = letters.stamp(bench.now)[:11]
    created = f"<CreatedAt>{letters.stamp(bench.now)}<"
    replaced = {
        "test-one": ("</Language>", "</Language><Test>1</Test>"),
        "test-zero": ("</Language>", "</Language><Test>0</Test>"),
        "test-upper": ("</Language>", "</Language><Test>TRUE</Test>"),
        "test-empty": ("</Language>", "</Language><Test/>"),
        "test-twice": ("</Language>", "</Language><Test>false</Test><Test>true</Test>"),
        "created-24h": (created, f"<CreatedAt>{day}24:00:00Z<"),
        "created-leap-second": (created, f"<CreatedAt>{day}23:59:60Z<"),
        "created-year-10000": (created, "<CreatedAt>12026-01-01T00:00:00Z<"),
        "created-year-0": (created, "<CreatedAt>0000-01-01T00:00:00Z<"),
        "created-negative": (created, "<CreatedAt>-2026-01-01T00:00:00Z<"),
        "created-offset-over": (created, f"<CreatedAt>{day}09:00:00+14:01<"),
        "created-offset-24": (created, f"<CreatedAt>{day}09:00:00+24:00<"),
        "created-fraction-long": (created, f"<CreatedAt>{day}09:29:00.{'1' * 5000}Z<"),
        "created-comma": (created, f"<CreatedAt>{day}09:29:00,5Z<"),
        "created-basic-form": (created, "<CreatedAt>20260302T092900Z<"),
        "created-arabic-digits": (created, f"<CreatedAt>{day}٠٩:29:00Z<"),
        "date-zone": ("</Test>", "</Test><DocumentDate>2026-03-02+01:00</DocumentDate>"),
        "date-year-10000": ("</Test>", "</Test><DocumentDate>10000-03-02</DocumentDate>"),
        "date-february-30": ("</Test>", "</Test><DocumentDate>2026-02-30</DocumentDate>"),
        "date-year-0": ("</Test>", "</Test><DocumentDate>0000-02-01</DocumentDate>"),
        "uuid-upper": ("<MessageId>", "<MessageId>A"),
        "list-empty": ("</Body>", "</Body><Attachments/>"),
        "subject-empty": ("<Subject>Demande fictive de renseignements<", "<Subject><"),
        "subject-line-break": ("fictive", "a&#13;&#10;Bcc: x@example.test"),
        "subject-next-line": ("fictive", "a\u0085b"),
        "subject-delete": ("fictive", "a\u007fb"),
    }
    for name, (old, new) in replaced.items():
        case = f"field-xml-{name}"
        text = bench.letter(case)
        if "Test>" in old:
            text = text.replace("</Language>", "</Language><Test>false</Test>")
        yield bench.xades(case, text.replace(old, new))
    attachments = {
        "size-plus": {"Size": "+1"},
        "size-zeros": {"Size": "0001"},
        "size-minus-zero": {"Size": "-0"},
        "size-negative": {"Size": "-1"},
        "size-huge": {"Size": "9" * 5000},
        "size-float": {"Size": "1.0"},
        "size-exponent": {"Size": "1E2"},
        "size-arabic": {"Size": "١"},
        "content-junk": {"Sha256": f"{DIGEST}</Sha256><Content>QQ==!</Content><Sha256>{DIGEST}"},
        "digest-upper": {"Sha256": "A" * 64},
        "media-type-parameter": {"MediaType": "text/plain; charset=utf-8"},
    }
    for name, changes in attachments.items():
        case = f"field-xml-{name}"
        yield bench.xades(case, bench.letter(case, extra=_attachment(**changes)))
    names = {
        "path": "../../etc/passwd",
        "windows-path": "..\\..\\boot.ini",
        "absolute": "/etc/passwd",
        "drive": "C:note.txt",
        "stream": "note.txt:stream",
        "device": "CON",
        "device-ending": "nul.txt",
        "device-superscript": "COM¹.txt",
        "bidi": "note\u202etxt.exe",
        "isolate": "note\u2066x",
        "dots": "..",
        "dot": ".",
        "space-only": " ",
        "trailing-dot": "note.txt.",
        "trailing-space": "note.txt ",
        "long": "n" * 300,
        "quote": 'note".txt',
        "pipe": "note|x",
        "control": "note&#9;x",
        "next-line": "note\u0085x",
    }
    for name, value in names.items():
        case = f"name-xml-{name}"
        yield bench.xades(case, bench.letter(case, extra=_attachment(Name=value)))


def _patterns(bench: Bench) -> Cases:
    """Long texts that almost fit a pattern: a backtracking matcher never comes back."""
    for name, (old, new, unit, last) in PATTERNS.items():
        for count in (30, 20_000):
            case = f"pattern-xml-{name}-{count}"
            yield bench.xades(case, bench.letter(case).replace(old, new.format(unit * count + last)))
    almost = {
        "MediaType": "text/" + "a" * 50_000 + ";",
        "Sha256": "0" * 50_000,
        "Id": "a." * 30_000 + " ",
    }
    for name, value in almost.items():
        case = f"pattern-xml-{name.lower()}"
        yield bench.xades(case, bench.letter(case, extra=_attachment(**{name: value})))
    sha = f"{DIGEST}</Sha256>"
    for name, element in {
        "content-id": f"<ContentId>{'a.' * 30_000}@{'b.' * 30_000}!</ContentId>",
        "schema-uri": f"<Schema>urn:{'a:' * 30_000}é</Schema>",
    }.items():
        case = f"pattern-xml-{name}"
        yield bench.xades(
            case,
            bench.letter(case, extra=_attachment().replace("</Sha256>", sha.removeprefix(DIGEST) + element)),
        )


def _json_values(desk: Desk) -> Cases:
    day = letters.stamp(desk.bench.now)[:11]
    changes: dict[str, dict[str, Any]] = {
        "created-24h": {"createdAt": day + "24:00:00Z"},
        "created-leap-second": {"createdAt": day + "23:59:60Z"},
        "created-year-10000": {"createdAt": "12026-01-01T00:00:00Z"},
        "created-year-0": {"createdAt": "0000-01-01T00:00:00Z"},
        "created-lower-case": {"createdAt": day.lower() + "09:29:00z"},
        "created-space": {"createdAt": day[:10] + " 09:29:00Z"},
        "created-padded": {"createdAt": " " + day + "09:29:00Z"},
        "created-no-zone": {"createdAt": day + "09:29:00"},
        "created-offset-24": {"createdAt": day + "09:29:00+24:00"},
        "created-fraction-long": {"createdAt": day + "09:29:00." + "1" * 5000 + "Z"},
        "created-comma": {"createdAt": day + "09:29:00,5Z"},
        "created-number": {"createdAt": 1_772_443_740},
        "date-zone": {"documentDate": "2026-03-02+01:00"},
        "date-february-30": {"documentDate": "2026-02-30"},
        "date-year-0": {"documentDate": "0000-02-01"},
        "date-week": {"documentDate": "2026-W09-1"},
        "test-number": {"test": 1},
        "test-text": {"test": "true"},
        "test-list": {"test": []},
        "uuid-upper": {"messageId": "A" * 8 + "-0000-0000-0000-" + "0" * 12},
        "uuid-newline": {"messageId": letters.message_id("x") + "\n"},
        "hub-newline": {"hub": letters.HUB + "\n"},
        "party-newline": {"sender": {"party": letters.MINISTRY + "\n"}},
        "party-full-width": {"sender": {"party": "Ａ0000001-S"}},
        "party-arabic-digits": {"sender": {"party": "A٠000001-S"}},
        "language-newline": {"language": "fr\n"},
        "subject-nul": {"subject": "a\u0000b"},
        "subject-ffff": {"subject": "a\uffffb"},
        "subject-control": {"subject": "a\u001bb"},
        "subject-line-break": {"subject": "a\r\nBcc: x@example.test"},
        "subject-empty": {"subject": ""},
        "subject-null": {"subject": "x", "summary": None, "unit": "x"},
        "body-nul": {"body": "a\u0000b"},
        "recipients-object": {"recipients": {"office": letters.OFFICE}},
        "recipient-null": {"recipients": [None]},
        "sender-list": {"sender": [letters.MINISTRY]},
        "attachments-empty": {"attachments": []},
        "name-case": {"Subject": "autre"},
        "name-padded": {"subject ": "autre"},
    }
    for name, change in changes.items():
        case = f"field-json-{name}"
        yield desk.make(case, desk.payload(case, **change))
    case = "pattern-json-language"
    yield desk.make(case, desk.payload(case, language="fr" + "-aaaaaaaa" * 20_000 + "!"))


def _json_attachments(desk: Desk) -> Cases:
    whole = {"id": "a", "name": "note.txt", "mediaType": "text/plain", "size": 1, "sha256": DIGEST}
    raw = {
        "size-float": "1.0",
        "size-exponent": "1E0",
        "size-minus-zero": "-0",
        "size-float-long": "1.0000000000000001",
    }
    for name, number in raw.items():
        case = f"field-json-{name}"
        text = desk.payload(case, attachments=[whole | {"size": 77_777}]).replace(b"77777", number.encode())
        yield desk.make(case, text)
    changes: dict[str, dict[str, Any]] = {
        "size-text": {"size": "1"},
        "size-true": {"size": True},
        "size-negative": {"size": -1},
        "content-junk": {"content": "QQ==!"},
        "content-tail": {"content": "QR=="},
        "content-no-padding": {"content": "QQ"},
        "content-url-alphabet": {"content": "_-8="},
        "content-white-space": {"content": "QQ =="},
        "content-newline": {"content": "QQ==\n"},
        "content-twice-padded": {"content": "QQ==QQ=="},
        "content-non-ascii": {"content": "QQ==é"},
        "digest-newline": {"sha256": DIGEST + "\n"},
        "media-type-newline": {"mediaType": "text/plain\n"},
        "id-newline": {"id": "a\n"},
    }
    for name, change in changes.items():
        case = f"field-json-{name}"
        yield desk.make(case, desk.payload(case, attachments=[whole | change]))
    for name, value in {
        "path": "../x",
        "newline": "a\nb",
        "bidi": "a\u202eb",
        "device": "LPT1",
        "nul": "a\u0000b",
        "slash-full-width": "a／b",
    }.items():
        case = f"name-json-{name}"
        made = desk.make(case, desk.payload(case, attachments=[whole | {"name": value}]))
        yield Case(made.name, made.raw, made.media_type)
