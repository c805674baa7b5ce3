"""PDF receipts: changed after sealing, sealed by others or in part, with another receipt inside or two."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from gateway.trust.pdfsignature import prepare_stamp
from tests.assets import rawder
from tests.assets import rawpdf as rp
from tests.assets.cases_evidence_time import covered_xml, stamped_xml
from tests.assets.evidence_bench import HOUR, SECOND, EvidenceBench, Exhibit, Exhibits
from tests.assets.rawpdf import Objects

QPDF = shutil.which("qpdf")
JWS = b"application#2Fjose"
OTHER_KEYS = ("ministry", "tsa", "tls", "seal-ca", "test-seal", "foreign")


def cases(bench: EvidenceBench) -> Exhibits:
    """Every case of this kind; those of qpdf only where it is installed."""
    made = _Made(bench)
    yield made.good
    yield from _kinds(bench, made)
    yield from _changed(made)
    yield from _revisions(made)
    yield from _embedded(bench, made)
    yield from _coverage(made)
    yield from _moments(bench)
    yield from _stamped(bench, made)
    yield from _rewritten(made)


class _Made:
    """A good PDF receipt and what it is made of."""

    def __init__(self, bench: EvidenceBench) -> None:
        self.bench, content = bench, bench.content()
        self.inner = bench.xml(content)
        self.objects = rp.objects(self.inner)
        sealed = self.seal(self.objects)
        self.good: Exhibit = bench.recorded("pdf-good", sealed, "pdf", content)

    def seal(
        self, objects: Mapping[int, bytes], holder: str = "hub-seal", at: Any = None, **how: Any
    ) -> bytes:
        """``objects`` as a file under a seal."""
        return rp.Sealed(self.bench.pki[holder], objects, at or self.bench.sealed_at, **how).octets

    def case(self, name: str, octets: bytes, **changes: Any) -> Exhibit:
        return self.good.but(f"pdf-{name}", raw=octets, **changes)


def _kinds(bench: EvidenceBench, made: _Made) -> Exhibits:
    jws = bench.jws(bench.content())
    yield made.case("good-jws-inside", made.seal(rp.objects(jws, JWS)))
    test = bench.good("", holder="test-seal", test=True)
    yield test.but("pdf-good-test", raw=made.seal(rp.objects(test.raw), "test-seal"), ending="pdf")
    yield test.but("pdf-real-around-test", raw=made.seal(rp.objects(test.raw)), ending="pdf")
    for holder in OTHER_KEYS:
        yield made.case(f"by-{holder}", made.seal(made.objects, holder))
    for holder in ("ministry", "ledger", "tsa", "test-seal"):
        forged = bench.xml(bench.content(), holder)
        yield made.case(f"real-around-{holder}", made.seal(rp.objects(forged)))
    named = bench.pki["hub-seal"].certificate
    yield made.case(
        "certificate-of-the-seal-other-key",
        made.seal(made.objects, "ministry", cms={"certificates": (named,), "named": named}),
    )
    unsigned = rawder.attribute("1.2.3.4.5", rawder.octet_string(b"void"))
    yield made.case("unsigned-attribute", made.seal(made.objects, cms={"unsigned": unsigned}))
    yield made.case("two-signing-times", made.seal(made.objects, cms={"time": bench.sealed_at}))
    yield made.case("spoiled", made.seal(made.objects, cms={"spoiled": True}))


def _changed(made: _Made) -> Exhibits:
    """One place of each kind, the file's length and all offsets as they were."""
    good = made.good.raw
    stated = made.bench.sealed_at.strftime("%Y").encode()
    places = {
        "page-text": rp.replaced(good, rp.CONTENT, (b"ACCEPTED", b"REFUSED!")),
        "metadata": rp.replaced(good, rp.META, (b"xmpmeta", b"xmpmetb")),
        "page-size": rp.replaced(good, rp.PAGE, (b"842", b"001")),
        "signing-time": rp.replaced(good, rp.SEAL, (b"/M(D:" + stated, b"/M(D:1999")),
        "field-flags": rp.replaced(good, rp.FIELD, (b"/F 132", b"/F 002")),
        "header": good.replace(b"%PDF-1.7", b"%PDF-1.4", 1),
        "comment": good.replace(b"\xe2\xe3\xcf\xd3", b"\xe2\xe3\xcf\xd2", 1),
        "trailer-root": good.replace(b"/Root 1 0 R", b"/Root 2 0 R"),
        "xref-offset": good.replace(b" 00000 n \n5 1\n", b" 00001 n \n5 1\n"),
        "range": rp.replaced(good, rp.SEAL, (b"/ByteRange [0 ", b"/ByteRange [1 ")),
    }
    for name, octets in places.items():
        assert octets != good
        yield made.case(f"changed-{name}", octets)
    at = good.index(b"/Subtype/application#2Fxml")
    at = good.index(b"stream\n", at) + 60
    yield made.case("changed-embedded", good[:at] + bytes([good[at] ^ 1]) + good[at + 1 :])
    start = good.index(b"/Contents <3") + len(b"/Contents <")
    for name, place in {"beginning": 2, "middle": 900, "padding": 2 * rp.ROOM - 2}.items():
        at = start + place
        digit = b"1" if good[at : at + 1] != b"1" else b"2"
        yield made.case(f"changed-value-{name}", good[:at] + digit + good[at + 1 :])
    upper = good[:start] + good[start : start + 400].upper() + good[start + 400 :]
    yield made.case("changed-value-letters", upper)
    spaced = good[: start + 2 * rp.ROOM - 4] + b"    " + good[start + 2 * rp.ROOM :]
    yield made.case("changed-value-spaces", spaced)
    other = made.seal(made.objects)
    value = slice(start, start + 2 * rp.ROOM)
    page = rp.replaced(good, rp.CONTENT, (b"ACCEPTED", b"REFUSED!"))
    yield made.case("value-of-another-sealing", page[: value.start] + other[value] + page[value.stop :])


def _revisions(made: _Made) -> Exhibits:
    """What readers show instead of what was sealed; the seal stays good over its own part."""
    good = made.good.raw
    note = b"<</Type/Annot/Subtype/FreeText/Rect[60 700 400 740]/Contents(REFUSED)/DA(/F1 18 Tf)>>"
    refused = rp.stream(rp.PAGE_TEXT.replace(b"ACCEPTED", b"REFUSED"))
    forged = rp.packed(made.inner.replace(b"portal", b"partal"), b"/Type/EmbeddedFile")
    spec = b"<</Type/Filespec/F(refusal.xml)/UF(refusal.xml)/EF<</F 30 0 R>>>>"
    field = b"<</Type/Annot/Subtype/Widget/FT/Tx/T(verdict)/V(REFUSED)/Rect[60 600 300 640]/P 3 0 R>>"
    catalog = made.objects[rp.CATALOG]
    second = made.objects[rp.FIELD].replace(b"(seal)", b"(seal2)").replace(b"7 0 R", b"32 0 R")
    changes: dict[str, Objects] = {
        "annotation": {30: note, rp.ANNOTS: b"[8 0 R 30 0 R]"},
        "form-value": {30: field, rp.ANNOTS: b"[8 0 R 30 0 R]", rp.FORM: b"<</Fields[8 0 R 30 0 R]>>"},
        "page-replaced": {rp.CONTENT: refused},
        "page-points-elsewhere": {30: refused, rp.PAGE: made.objects[rp.PAGE].replace(b"4 0 R", b"30 0 R")},
        "page-added": {30: made.objects[rp.PAGE], 2: b"<</Type/Pages/Kids[3 0 R 30 0 R]/Count 2>>"},
        "catalog": {rp.CATALOG: catalog.replace(b"/Pages 2 0 R", b"/Pages 2 0 R/OpenAction[3 0 R/Fit]")},
        "attachment": {
            30: forged,
            31: spec,
            rp.CATALOG: catalog.replace(b"(receipt.xml) 5 0 R]", b"(receipt.xml) 5 0 R(x) 31 0 R]"),
        },
        "embedded-replaced": {rp.FILE: forged},
        "embedded-removed": {rp.CATALOG: b"<</Type/Catalog/Pages 2 0 R/AcroForm 9 0 R>>"},
        "second-signature": {
            30: second,
            32: b"<</Type/Sig/Filter/Adobe.PPKLite/SubFilter/ETSI.CAdES.detached"
            b"/ByteRange[0 1 2 3]/Contents<30>>>",
            rp.FORM: b"<</Fields[8 0 R 30 0 R]/SigFlags 3>>",
        },
        "seal-hidden": {rp.FORM: b"<</Fields[]>>"},
        "metadata": {rp.META: rp.stream(b"<x/>", b"/Type/Metadata/Subtype/XML")},
        "nothing": {},
    }
    for name, objects in changes.items():
        yield made.case(f"revision-{name}", rp.added(good, objects))
    hub_made = made.bench.pki["hub-seal"]
    shown = rp.added(good, {rp.CONTENT: refused, rp.SEAL: _waiting(made), 30: b"null"})
    yield made.case("revision-sealed-again", rp.filled(shown, rp.Sealed(hub_made, {}, made.bench.sealed_at)))
    for name, more in {
        "line-end": b"\n",
        "comment": b"%\n",
        "zeros": b"\0" * 9,
        "end": b"%%EOF\n",
        "xml": made.inner,
    }.items():
        yield made.case(f"trailing-{name}", good + more)
    yield made.case("before", b"\n" + good)
    yield made.case("before-html", b"<html>" + good)
    yield made.case("cut", good[:-1])
    yield made.case("twice", good + good)


def _waiting(made: _Made) -> bytes:
    stated = made.bench.sealed_at.strftime("D:%Y%m%d%H%M%SZ").encode()
    head = b"<</Type/Sig/Filter/Adobe.PPKLite/SubFilter/ETSI.CAdES.detached/M(" + stated + b")/ByteRange "
    return head + rp._RANGE + b"/Contents <" + b"0" * (2 * rp.ROOM) + b">>>"


def _embedded(bench: EvidenceBench, made: _Made) -> Exhibits:
    """Sealed so: the page says one thing, what lies inside another, or nothing."""
    other = bench.xml(bench.other())
    yield made.case("embedded-of-another", made.seal(rp.objects(other)))
    recorded = bench.recorded("", other, "pdf", bench.other())
    yield recorded.but("pdf-embedded-of-another-proof-of-mine", raw=made.good.raw)
    changed = made.inner.replace(b"portal", b"partal")
    yield made.case("embedded-changed", made.seal(rp.objects(changed)))
    text = {name: made.objects[name] for name in made.objects}
    catalog = text[rp.CATALOG]
    variants: dict[str, Objects] = {
        "none": {rp.CATALOG: b"<</Type/Catalog/Pages 2 0 R/AcroForm 9 0 R>>"},
        "not-associated": {rp.CATALOG: catalog.replace(b"/AF[5 0 R]", b"")},
        "not-listed": {rp.CATALOG: catalog.replace(b"[(receipt.xml) 5 0 R]", b"[]")},
        "two": {
            13: text[rp.FILESPEC],
            rp.CATALOG: catalog.replace(b"[(receipt.xml) 5 0 R]", b"[(a) 5 0 R(b) 13 0 R]"),
        },
        "two-associated": {
            13: text[rp.FILESPEC],
            rp.CATALOG: catalog.replace(b"/AF[5 0 R]", b"/AF[5 0 R 13 0 R]"),
        },
        "other-associated": {
            13: text[rp.FILESPEC],
            rp.CATALOG: catalog.replace(b"/AF[5 0 R]", b"/AF[13 0 R]"),
        },
        "two-names": {
            13: rp.packed(changed),
            rp.FILESPEC: text[rp.FILESPEC].replace(b"/UF 6 0 R", b"/UF 13 0 R"),
        },
        "text": {rp.FILE: rp.packed(b"accepted", b"/Type/EmbeddedFile/Subtype/text#2Fplain")},
        "pdf-in-pdf": {rp.FILE: rp.packed(made.good.raw, b"/Type/EmbeddedFile/Subtype/application#2Fpdf")},
        "letter": {rp.FILE: rp.packed(b"<Envelope/>", b"/Type/EmbeddedFile/Subtype/application#2Fxml")},
        "media-type-of-json": {rp.FILE: rp.packed(made.inner, b"/Type/EmbeddedFile/Subtype/" + JWS)},
        "octets-behind": {
            rp.FILE: rp.packed(made.inner + b"<!-- x --><Receipt/>", b"/Subtype/application#2Fxml")
        },
    }
    for name, objects in variants.items():
        yield made.case(f"embedded-{name}", made.seal({**text, **objects}))


def _coverage(made: _Made) -> Exhibits:
    """Seals that leave out more than their own value; each is good over what it covers."""
    shifts = {"hole-longer": (0, 1), "hole-earlier": (-1, 0), "hole-wide": (-200, 0), "hole-later": (1, 0)}
    for name, hole in shifts.items():
        yield made.case(f"coverage-{name}", made.seal(made.objects, hole=hole))
    yield made.case("coverage-adobe-form", made.seal(made.objects, subfilter=b"adbe.pkcs7.detached"))
    yield made.case("coverage-no-seal", rp.whole({**made.objects, rp.SEAL: b"null"}))
    two = {
        **made.objects,
        13: made.objects[rp.FIELD].replace(b"(seal)", b"(b)"),
        rp.FORM: b"<</Fields[8 0 R 13 0 R]>>",
    }
    yield made.case("coverage-two-fields", made.seal(two))
    renamed = {**made.objects, rp.FIELD: made.objects[rp.FIELD].replace(b"(seal)", b"(time)")}
    yield made.case("coverage-other-field", made.seal(renamed))


def _moments(bench: EvidenceBench) -> Exhibits:
    """The receipt inside is good and has its time; the PDF around it is the work of a withdrawn seal."""
    content = bench.content()
    inner = bench.xml(content)
    for moment in ("revoked-before", "revoked-between", "revoked-after", "ended-between"):
        objects = rp.objects(inner) | {rp.CONTENT: rp.stream(rp.PAGE_TEXT.replace(b"ACCEPTED", b"REFUSED"))}
        sealed = rp.Sealed(bench.pki[f"seal-{moment}"], objects, bench.sealed_at).octets
        yield bench.recorded(f"pdf-page-by-seal-{moment}", sealed, "pdf", content)
    sealed = rp.Sealed(bench.pki["seal-revoked-after"], rp.objects(inner), bench.sealed_at).octets
    stamped = _with_stamp(sealed, _by(bench))
    yield bench.recorded("pdf-good-revoked-after-its-own-time", stamped, "pdf", content)
    late = _with_stamp(sealed, _by(bench, bench.event + HOUR + 60 * SECOND))
    yield bench.recorded("pdf-page-stamped-after-revocation", late, "pdf", content)
    early = rp.Sealed(bench.pki["hub-seal"], rp.objects(inner), bench.event - HOUR).octets
    yield bench.recorded("pdf-sealed-before-event", early, "pdf", content)
    future = rp.Sealed(bench.pki["hub-seal"], rp.objects(inner), bench.now + HOUR).octets
    yield bench.recorded("pdf-sealed-tomorrow", future, "pdf", content)


Maker = Callable[[bytes], bytes]


def _by(
    bench: EvidenceBench, at: datetime | None = None, holder: str = "tsa", over: bytes | None = None
) -> Maker:
    moment = at or bench.sealed_at + 20 * SECOND
    return lambda covered: rawder.token(bench.pki[holder], covered if over is None else over, moment)


def _with_stamp(sealed: bytes, make: Maker) -> bytes:
    """A document time-stamp; only one form of it is taken, so it is written by the gateway itself."""
    prepared = prepare_stamp(sealed, 8192)
    return prepared.filled(make(prepared.covered))


def _stamped(bench: EvidenceBench, made: _Made) -> Exhibits:
    good = made.good.raw
    stamped = _with_stamp(good, _by(bench))
    yield made.case("stamped-good", stamped)
    yield made.case("stamped-unlogged", stamped, proof=None, token=None)
    makers = {
        "over-nothing": _by(bench, over=b""),
        "over-the-sealed-part": _by(bench, over=good),
        "over-the-seal": _by(bench, over=good[good.index(b"/Contents <") :]),
        "foreign": _by(bench, holder="tsa-foreign"),
        "ended": _by(bench, holder="tsa-ended"),
        "revoked": _by(bench, holder="tsa-revoked"),
        "by-seal": _by(bench, holder="hub-seal"),
        "before-seal": _by(bench, bench.sealed_at - HOUR),
    }
    for name, make in makers.items():
        yield made.case(f"stamped-{name}", _with_stamp(good, make))
    other = _with_stamp(made.seal(made.objects), _by(bench))
    yield made.case("stamped-tail-of-another", good + other[len(good) :])
    yield made.case("stamped-then-annotated", rp.added(stamped, {30: b"null"}))
    yield made.case("stamped-twice", _twice(stamped))
    altered = stamped[: len(good)] + stamped[len(good) :].replace(b"/F 132", b"/F 002")
    yield made.case("stamped-revision-changed", altered)
    both = bench.content()
    inner = bench.xml(both)
    own = stamped_xml(inner, rawder.token(bench.pki["tsa"], covered_xml(inner), bench.sealed_at + SECOND))
    yield bench.recorded("pdf-stamped-inside-too-good", made.seal(rp.objects(own)), "pdf", both)
    foreign = stamped_xml(inner, rawder.token(bench.pki["tsa-foreign"], covered_xml(inner), bench.sealed_at))
    yield bench.recorded("pdf-stamped-inside-foreign", made.seal(rp.objects(foreign)), "pdf", both)


def _twice(stamped: bytes) -> bytes:
    tail = stamped[stamped.index(b"%%EOF\n") + 6 :]
    return stamped + tail


def _rewritten(made: _Made) -> Exhibits:
    if QPDF is None:
        return
    folder = made.bench.pki.directory
    source = folder / "good.pdf"
    source.write_bytes(made.good.raw)
    for name, options in {
        "linearised": ("--linearize",),
        "normalised": ("--qdf",),
        "object-streams": ("--object-streams=generate",),
        "encrypted": ("--encrypt", "", "x", "256", "--"),
    }.items():
        target = folder / f"{name}.pdf"
        command = [QPDF, *options, str(source), str(target)]
        subprocess.run(command, check=True, capture_output=True, timeout=60)
        yield made.case(f"rewritten-{name}", target.read_bytes())
