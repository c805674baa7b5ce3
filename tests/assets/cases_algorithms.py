"""Algorithms that are no signature, or no longer one, and values that sloppy decoders take."""

from __future__ import annotations

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, utils

from tests.assets import rawsign as rs
from tests.assets.bench import Bench, Case, Cases
from tests.assets.rawsign import EXC_C14N, Reference

ORDER_P256 = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551


def cases(bench: Bench) -> Cases:
    """Every case about algorithms and signature values."""
    yield from _secrets(bench)
    yield from _weak(bench)
    yield from _mismatched(bench)
    yield from _values(bench)


def _secrets(bench: Bench) -> Cases:
    """Secret-key codes, and methods that are none."""
    spki = bench.pki["ministry-rsa"].certificate.public_key().public_bytes
    public, pem = serialization.PublicFormat.SubjectPublicKeyInfo, serialization.Encoding.PEM
    encodings = {
        "spki-der": spki(serialization.Encoding.DER, public),
        "spki-pem": spki(pem, public),
        "spki-pem-stripped": spki(pem, public).strip(),
        "pkcs1-pem": spki(pem, serialization.PublicFormat.PKCS1),
        "certificate-der": rs.der(bench.pki["ministry-rsa"].certificate),
        "certificate-pem": bench.pki["ministry-rsa"].certificate.public_bytes(pem),
        "empty": b"",
    }
    for profile, make in (("", bench.xades), ("-basic", bench.plain)):
        for name, secret in encodings.items():
            forge = _hmac(secret)
            yield make(
                f"hmac-{name}{profile}", holder="ministry-rsa", method=rs.MORE + "hmac-sha256", value=forge
            )
        for bits in (0, 1, 8, 256):
            inner = f"<ds:HMACOutputLength>{bits}</ds:HMACOutputLength>"
            cut = lambda data, n=bits: _hmac(b"")(data)[: n // 8]  # noqa: E731
            yield make(
                f"hmac-truncated-{bits}{profile}",
                method=rs.MORE + "hmac-sha256",
                method_inner=inner,
                value=cut,
            )
        inner = "<ds:HMACOutputLength>0</ds:HMACOutputLength>"
        yield make(f"hmac-length-on-ecdsa{profile}", method_inner=inner, value=lambda data: b"")
        void = lambda data: b"\x00" * 64  # noqa: E731
        for method in (
            "",
            "none",
            rs.DS + "dsa-sha1",
            rs.DS + "hmac-sha1",
            "http://www.w3.org/2021/04/xmldsig-more#eddsa-ed25519",
            (rs.MORE + "ecdsa-sha256").upper(),
            rs.MORE + "ecdsa-sha256 ",
        ):
            name = method.rpartition("#")[2].replace(" ", "-space") or "empty"
            yield make(f"method-{name}{profile}", method=method or "  ", value=void)


def _weak(bench: Bench) -> Cases:
    """Digests and keys that no longer hold."""
    for profile, make in (("", bench.xades), ("-basic", bench.plain)):
        for method in (
            rs.DS + "rsa-sha1",
            rs.MORE + "rsa-md5",
            rs.MORE + "rsa-sha224",
            rs.MORE_2007 + "sha1-rsa-MGF1",
        ):
            yield make(f"weak-{method.rpartition('#')[2]}{profile}", holder="ministry-rsa", method=method)
        for method in ("ecdsa-sha1", "ecdsa-sha224"):
            yield make(f"weak-{method}{profile}", method=rs.MORE + method)
        for weak in (rs.DS + "sha1", rs.MORE + "md5", rs.MORE + "sha224"):
            name = weak.rpartition("#")[2]
            reference = Reference(digest=weak)
            yield make(
                f"weak-digest-{name}{profile}", references=(reference, *(() if profile else (rs.PROPERTIES,)))
            )
        for curve in ("p521", "k256", "p224"):
            yield make(f"weak-key-{curve}{profile}", holder=f"ministry-{curve}")
        yield make(f"weak-key-rsa1024{profile}", holder="weak-rsa")
    yield bench.plain(
        "weak-key-rsa-huge-basic", holder="ministry-rsa-huge", key=bench.pki["ministry-rsa"].key
    )
    sha1 = Reference("#props", (EXC_C14N,), digest=rs.DS + "sha1", type=rs.PROPERTIES_TYPE)
    yield bench.xades("weak-digest-properties", references=(rs.ROOT, sha1))


def _mismatched(bench: Bench) -> Cases:
    """Method and key do not belong together."""
    ed = bench.pki["ministry-ed25519"]
    yield bench.plain(
        "ed25519-as-ecdsa", holder="ministry-ed25519", method=rs.MORE + "ecdsa-sha256", value=ed.key.sign
    )
    yield bench.plain(
        "ed25519",
        holder="ministry-ed25519",
        method="http://www.w3.org/2021/04/xmldsig-more#eddsa-ed25519",
        value=ed.key.sign,
    )
    yield bench.xades(
        "rsa-key-ecdsa-method",
        holder="ministry-rsa",
        method=rs.MORE + "ecdsa-sha256",
        value=lambda data: b"\x01" * 64,
    )
    yield bench.xades("ec-key-rsa-method", method=rs.MORE + "rsa-sha256", value=lambda data: b"\x01" * 256)
    parameters = (
        f'<p:RSAPSSParams xmlns:p="{rs.MORE_2007}"><ds:DigestMethod Algorithm="{rs.DS}sha1"/>'
        "<p:SaltLength>0</p:SaltLength></p:RSAPSSParams>"
    )
    yield bench.xades(
        "pss-weak-parameters",
        holder="ministry-rsa",
        method=rs.MORE_2007 + "rsa-pss",
        method_inner=parameters,
        value=lambda data: b"\x01" * 256,
    )


def _hmac(secret: bytes):  # type: ignore[no-untyped-def]
    return lambda data: rs.sign_octets(rs.MORE + "hmac-sha256", secret, data)


def _values(bench: Bench) -> Cases:
    """Signature values that sloppy decoders take."""
    key = bench.pki["ministry"].key
    n = ORDER_P256

    def encoded(data: bytes) -> bytes:
        return bytes(key.sign(data, ec.ECDSA(hashes.SHA256())))

    def raw(data: bytes) -> bytes:
        return rs.raw_ecdsa(key, encoded(data))

    def padded(data: bytes) -> bytes:
        r, s = utils.decode_dss_signature(encoded(data))
        return r.to_bytes(33, "big") + s.to_bytes(33, "big")

    def over_order(data: bytes) -> bytes:
        r, s = utils.decode_dss_signature(encoded(data))
        return r.to_bytes(40, "big") + (s + n).to_bytes(40, "big")

    wrong = {
        "der": encoded,
        "zero": lambda data: bytes(64),
        "zero-r": lambda data: bytes(32) + raw(data)[32:],
        "zero-s": lambda data: raw(data)[:32] + bytes(32),
        "order": lambda data: n.to_bytes(32, "big") * 2,
        "one-one": lambda data: (1).to_bytes(32, "big") * 2,
        "der-zero": lambda data: utils.encode_dss_signature(0, 0),
        "padded": padded,
        "over-order": over_order,
        "short": lambda data: raw(data)[:63],
        "long": lambda data: raw(data) + b"\x00",
        "empty": lambda data: b"",
        "one-octet": lambda data: b"\x00",
        "of-another-text": lambda data: raw(data + b" "),
        "huge": lambda data: b"\x01" * 500_000,
    }
    for name, value in wrong.items():
        yield bench.xades(f"value-{name}", value=value)
        yield bench.plain(f"value-{name}-basic", value=value)
    modulus = bench.pki["ministry-rsa"].certificate.public_key().public_numbers().n
    for name, number in {"zero": 0, "one": 1, "modulus": modulus, "modulus-minus-one": modulus - 1}.items():
        yield bench.plain(
            f"value-rsa-{name}", holder="ministry-rsa", value=lambda data, v=number: v.to_bytes(256, "big")
        )
    yield bench.plain(
        "value-rsa-long",
        holder="ministry-rsa",
        value=lambda data: (
            b"\x00" + rs.sign_octets(rs.MORE + "rsa-sha256", bench.pki["ministry-rsa"].key, data)
        ),
    )
    yield bench.plain(
        "value-rsa-pkcs1-as-pss",
        holder="ministry-rsa",
        method=rs.MORE_2007 + "sha256-rsa-MGF1",
        value=lambda data: rs.sign_octets(rs.MORE + "rsa-sha256", bench.pki["ministry-rsa"].key, data),
    )
    yield bench.plain("value-rsa-cube-root", holder="ministry-rsa-e3", value=_cube_root)
    good = bench.xades("value-not-base64").raw.decode()
    yield Case("value-not-base64", good.replace("<ds:SignatureValue>", "<ds:SignatureValue>*~é").encode())
    yield Case(
        "value-junk-after-padding",
        _junk_after(bench.xades("value-junk-after-padding", value=lambda data: raw(data)).raw),
    )


def _junk_after(raw: bytes) -> bytes:
    """Four more characters after the padding, which lenient decoders drop."""
    return raw.replace(b"</ds:SignatureValue>", b"AAAA</ds:SignatureValue>")


def _cube_root(data: bytes) -> bytes:
    """A PKCS#1 block with rubbish after the digest, as a perfect cube (Bleichenbacher 2006)."""
    digest = hashes.Hash(hashes.SHA256())
    digest.update(data)
    prefix = bytes.fromhex("3031300d060960864801650304020105000420")
    block = b"\x00\x01" + b"\xff" * 8 + b"\x00" + prefix + digest.finalize()
    number = int.from_bytes(block.ljust(256, b"\x00"), "big") + (1 << (8 * (256 - len(block)))) - 1
    low, high = 0, 1 << 700
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if middle**3 <= number else (low, middle - 1)
    return low.to_bytes(256, "big")
