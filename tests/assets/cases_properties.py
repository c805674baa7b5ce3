"""XAdES properties that are unsigned, doubled, misdirected or untrue; the signer is a trusted insider."""

from __future__ import annotations

from dataclasses import replace

from tests.assets import rawsign as rs
from tests.assets.bench import Bench, Case, Cases
from tests.assets.rawsign import EXC_C14N, Reference

V1_CERT = "<xades:SigningCertificate>{}</xades:SigningCertificate>"
ISSUER = (
    "<xades:IssuerSerial><ds:X509IssuerName>CN=x</ds:X509IssuerName>"
    "<ds:X509SerialNumber>1</ds:X509SerialNumber></xades:IssuerSerial></xades:Cert>"
)


def cases(bench: Bench) -> Cases:
    """Every case about what hangs below ds:Object."""
    yield from _objects(bench)
    yield from _reference_type(bench)
    yield from _certificates(bench)
    yield from _times(bench)


def _objects(bench: Bench) -> Cases:
    plan = bench.xades_plan()
    own = plan.objects
    inside = own.removeprefix("<ds:Object>").removesuffix("</ds:Object>")
    second = inside.replace('Id="props"', 'Id="props2"').replace(
        "Z</xades:SigningTime>", "+00:00</xades:SigningTime>"
    )
    signed_second = Reference("#extra", (EXC_C14N,))
    free = "<ds:Object>sans signature</ds:Object>"
    properties = inside[
        inside.index("<xades:SignedProperties") : inside.index("</xades:SignedProperties>") + 25
    ]
    bare = properties.replace(
        "<xades:SignedProperties", f'<xades:SignedProperties xmlns:xades="{rs.XADES}"', 1
    )
    variants = {
        "object-unsigned": own + free,
        "object-unsigned-first": free + own,
        "object-empty": own + "<ds:Object/>",
        "qualifying-second-object": own + f"<ds:Object>{second}</ds:Object>",
        "qualifying-second-object-first": f"<ds:Object>{second}</ds:Object>" + own,
        "qualifying-second-same-object": f"<ds:Object>{inside}{second}</ds:Object>",
        "qualifying-second-same-object-first": f"<ds:Object>{second}{inside}</ds:Object>",
        "qualifying-nested": f"<ds:Object><x:Any xmlns:x='urn:example:x'>{inside}</x:Any></ds:Object>",
        "signed-properties-bare": f"<ds:Object>{bare}</ds:Object>",
        "signed-properties-twice": own.replace(
            "</xades:SignedProperties>", "</xades:SignedProperties>" + properties.replace("props", "props2")
        ),
        "target-other": own.replace('Target="#sig"', 'Target="#other"'),
        "target-letter": own.replace('Target="#sig"', 'Target="#letter"'),
        "target-no-hash": own.replace('Target="#sig"', 'Target="sig"'),
        "target-empty": own.replace('Target="#sig"', 'Target=""'),
        "target-missing": own.replace(' Target="#sig"', ""),
        "target-external": own.replace('Target="#sig"', f'Target="{bench.trap}#sig"'),
        "foreign-beside-qualifying": f"<ds:Object>{inside}<x:Any xmlns:x='urn:example:x'/></ds:Object>",
        "text-beside-qualifying": f"<ds:Object>{inside}bruit</ds:Object>",
        "other-namespace": own.replace(rs.XADES, "http://uri.etsi.org/01903/v1.1.1#"),
    }
    for name, objects in variants.items():
        yield bench.xades(f"properties-{name}", objects=objects)
    yield bench.xades(
        "properties-object-signed",
        objects=own + '<ds:Object Id="extra">x</ds:Object>',
        references=(rs.ROOT, rs.PROPERTIES, signed_second),
    )
    yield bench.xades("properties-signature-without-id", id=None)
    yield bench.plain("properties-object-basic", objects=free)
    yield bench.plain(
        "properties-object-signed-basic",
        objects='<ds:Object Id="extra">x</ds:Object>',
        references=(rs.ROOT, signed_second),
    )
    stripped = bench.xades("").raw.decode()
    yield Case("properties-stripped-object", stripped.replace(own, "").encode())
    gone = stripped.replace(inside, "")
    yield Case("properties-stripped-qualifying", gone.encode())
    yield Case("properties-stripped-signed", stripped.replace(properties, "").encode())


def _reference_type(bench: Bench) -> Cases:
    """The properties are there, and the signature covers something else or nothing."""
    plan = bench.xades_plan()
    untyped = replace(rs.PROPERTIES, type=None)
    types = {
        "untyped": (rs.ROOT, untyped),
        "other-type": (rs.ROOT, replace(rs.PROPERTIES, type=rs.DS + "Object")),
        "old-type": (
            rs.ROOT,
            replace(rs.PROPERTIES, type="http://uri.etsi.org/01903/v1.1.1#SignedProperties"),
        ),
        "unsigned": (rs.ROOT,),
        "typed-root": (replace(rs.ROOT, type=rs.PROPERTIES_TYPE),),
        "typed-root-twice": (rs.ROOT, replace(rs.ROOT, type=rs.PROPERTIES_TYPE)),
    }
    for name, references in types.items():
        yield bench.xades(f"properties-{name}", references=references)
    key_info = rs.key_info_of(plan, "ki")
    typed = Reference("#ki", (EXC_C14N,), type=rs.PROPERTIES_TYPE)
    yield bench.xades("properties-type-on-key-info", key_info=key_info, references=(rs.ROOT, typed))
    yield bench.xades(
        "properties-type-on-key-info-untyped", key_info=key_info, references=(rs.ROOT, typed, untyped)
    )
    on_object = Reference("#obj", (EXC_C14N,), type=rs.PROPERTIES_TYPE)
    yield bench.xades(
        "properties-type-on-object",
        objects=plan.objects.replace("<ds:Object>", '<ds:Object Id="obj">'),
        references=(rs.ROOT, on_object),
    )
    certs = rs.signing_certificate(rs.cert_v2(bench.pki["ministry"].certificate))
    fake = rs.signed_properties(rs.signing_time(bench.at()), certs, "other").replace(
        "<xades:SignedProperties", f'<xades:SignedProperties xmlns:xades="{rs.XADES}" xmlns:ds="{rs.DS}"'
    )
    elsewhere = Reference("#other", (EXC_C14N,), type=rs.PROPERTIES_TYPE)
    case = "properties-signed-elsewhere"
    yield bench.xades(case, bench.letter(case, extra=fake), references=(rs.ROOT, elsewhere))
    hidden = plan.objects.replace(
        "</xades:SignedProperties>",
        f"</xades:SignedProperties><xades:UnsignedProperties>{fake}</xades:UnsignedProperties>",
    )
    yield bench.xades("properties-signed-in-unsigned", objects=hidden, references=(rs.ROOT, elsewhere))
    in_key = rs.key_info_of(plan).replace("</ds:KeyInfo>", f"{fake}</ds:KeyInfo>")
    yield bench.xades("properties-signed-in-key-info", key_info=in_key, references=(rs.ROOT, elsewhere))


def _certificates(bench: Bench) -> Cases:
    mine, other = bench.pki["ministry"].certificate, bench.pki["commune"].certificate
    ours, theirs = rs.cert_v2(mine), rs.cert_v2(other)
    contents = {
        "other": rs.signing_certificate(theirs),
        "missing": "",
        "empty": rs.signing_certificate(""),
        "twice-other-first": rs.signing_certificate(theirs) + rs.signing_certificate(ours),
        "twice-other-last": rs.signing_certificate(ours) + rs.signing_certificate(theirs),
        "two-certs-other-first": rs.signing_certificate(theirs + ours),
        "version-1": V1_CERT.format(ours.replace("</xades:Cert>", ISSUER)),
        "version-1-other": V1_CERT.format(theirs.replace("</xades:Cert>", ISSUER)),
        "version-1-beside-other": rs.signing_certificate(ours)
        + V1_CERT.format(theirs.replace("</xades:Cert>", ISSUER)),
        "sha1": rs.signing_certificate(rs.cert_v2(mine, rs.DS + "sha1")),
        "md5": rs.signing_certificate(rs.cert_v2(mine, rs.MORE + "md5")),
        "unknown-digest": rs.signing_certificate(ours.replace(rs.SHA256, "urn:example:digest")),
        "cut-digest": rs.signing_certificate(
            ours.replace("=</ds:DigestValue>", "</ds:DigestValue>").replace(
                "<ds:DigestValue>", "<ds:DigestValue>AAAA"
            )
        ),
        "empty-digest": rs.signing_certificate(_emptied(ours)),
        "two-digests": rs.signing_certificate(
            ours.replace("</xades:CertDigest>", "</xades:CertDigest>" + _inner(theirs))
        ),
    }
    for name, certs in contents.items():
        yield bench.xades(f"certificate-{name}", objects=bench.certs_object(certs))
    swapped = rs.key_info_of(bench.xades_plan("commune"))
    yield bench.xades("certificate-of-another-party", key_info=swapped)


def _emptied(cert: str) -> str:
    start, end = cert.index("<ds:DigestValue>") + 16, cert.index("</ds:DigestValue>")
    return cert[:start] + cert[end:]


def _inner(cert: str) -> str:
    return cert.removeprefix("<xades:Cert>").removesuffix("</xades:Cert>")


def _times(bench: Bench) -> Cases:
    certs = rs.signing_certificate(rs.cert_v2(bench.pki["ministry"].certificate))
    now = bench.at(minutes=-1)
    texts = {
        "back-dated": bench.at(days=-30),
        "back-dated-a-little": bench.at(days=-7, minutes=-5),
        "years-ago": "1999-01-01T00:00:00Z",
        "future": bench.at(hours=1),
        "future-a-little": bench.at(minutes=7),
        "far-future": "9999-12-31T23:59:59Z",
        "year-10000": "10000-01-01T00:00:00Z",
        "negative-year": "-0001-01-01T00:00:00Z",
        "zone-shifted": bench.at(hours=-1).replace("Z", "-12:00"),
    }
    unreadable = {
        "no-zone": now.rstrip("Z"),
        "date-only": now[:10],
        "words": "aujourd'hui",
        "empty": "",
        "month-13": now[:5] + "13" + now[7:],
        "hour-25": now[:11] + "25" + now[13:],
        "epoch": "1790000000",
        "arabic-digits": now.translate(str.maketrans("0123456789", "٠١٢٣٤٥٦٧٨٩")),
        "element": f"{now}<x/>",
        "huge": now + "0" * 100_000,
    }
    for name, text in (texts | unreadable).items():
        yield bench.xades(f"time-{name}", objects=bench.certs_object(certs, rs.signing_time(text)))
    yield bench.xades("time-missing", objects=bench.certs_object(certs, ""))
    twice = rs.signing_time(bench.at(days=-30)) + rs.signing_time(now)
    yield bench.xades("time-twice", objects=bench.certs_object(certs, twice))
    yield bench.xades(
        "time-twice-good-first",
        objects=bench.certs_object(certs, rs.signing_time(now) + rs.signing_time(bench.at(days=-30))),
    )
    for name, shift in (("old", {"days": -8}), ("future", {"hours": 1})):
        case = f"time-created-{name}-basic"
        text = bench.letter(case).replace(bench.at(), bench.at(**shift))
        yield bench.plain(case, text)
    case = "time-created-no-zone-basic"
    yield bench.plain(case, bench.letter(case).replace(bench.at(), bench.at().rstrip("Z")))
