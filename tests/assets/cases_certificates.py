"""Letters under certificates that must not count, each validly signed with the certificate's key."""

from __future__ import annotations

from certs import testpki
from tests.assets import letters
from tests.assets import rawsign as rs
from tests.assets.bench import OTHER_ROLES, Bench, Cases


def cases(bench: Bench) -> Cases:
    """Every certificate case, under both XML profiles."""
    for name in testpki.BAD:
        if name != "weak-rsa":
            yield from _signed(bench, f"cert-{name}", name)
    for name in ("stranger", "ministry-own-root", "ministry-web"):
        yield from _signed(bench, f"cert-{name}", name)
    for name in OTHER_ROLES:
        if name != "ledger":
            yield from _signed(bench, f"cert-role-{name}", name)
    yield bench.plain(
        "cert-role-ledger-basic",
        holder="ledger",
        method="http://www.w3.org/2021/04/xmldsig-more#eddsa-ed25519",
        value=bench.pki["ledger"].key.sign,
    )
    yield bench.plain("cert-basic-by-subject", holder="ministry-by-subject")
    for suffix, make in (("", bench.xades), ("-basic", bench.plain)):
        case = f"party-another{suffix}"
        yield make(case, bench.letter(case, party=letters.COMMUNE))
        case = f"party-unknown{suffix}"
        yield make(case, bench.letter(case, party="A0000003-O"))
        case = f"party-wrong-check{suffix}"
        yield make(case, bench.letter(case, party="A0000001-X"))
    yield from _good(bench)


def _signed(bench: Bench, case: str, holder: str) -> Cases:
    chain = (bench.pki[holder].certificate, *bench.pki[holder].chain)
    yield bench.xades(case, holder=holder, certificates=chain)
    yield bench.plain(f"{case}-basic", holder=holder, certificates=chain)


def _good(bench: Bench) -> Cases:
    """The same paths with nothing wrong."""
    holder = bench.pki["inside-constraints"]
    chain = (holder.certificate, *holder.chain)
    yield bench.xades("good-inside-constraints", holder=holder.name, certificates=chain)
    text = bench.letter("good-commune", party=letters.COMMUNE)
    yield bench.xades("good-commune", text, holder="commune")
    impostor = bench.pki["same-name-other-key"]
    # The right chain beside the wrong key: names match, keys do not.
    mixed = (impostor.certificate, *bench.pki["ministry"].chain)
    yield bench.xades("cert-same-name-right-chain", holder=impostor.name, certificates=mixed)
    assert rs.der(impostor.certificate) != rs.der(bench.pki["ministry"].certificate)
