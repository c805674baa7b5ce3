"""Name constraints, kind by kind."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from ipaddress import ip_address, ip_network

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from gateway.trust.chain_names import within_constraints

NOW = datetime(2030, 3, 4, tzinfo=UTC)
KEY = ec.generate_private_key(ec.SECP256R1())

dns, mail, uri = x509.DNSName, x509.RFC822Name, x509.UniformResourceIdentifier


def dn(*pairs: tuple[x509.ObjectIdentifier, str]) -> x509.Name:
    return x509.Name([x509.NameAttribute(oid, value) for oid, value in pairs])


def ip(text: str) -> x509.IPAddress:
    return x509.IPAddress(ip_network(text) if "/" in text else ip_address(text))


STATE = dn((NameOID.COUNTRY_NAME, "ZZ"), (NameOID.ORGANIZATION_NAME, "State  Ministries"))
INSIDE = dn(
    (NameOID.COUNTRY_NAME, "zz"), (NameOID.ORGANIZATION_NAME, "STATE ministries"), (NameOID.COMMON_NAME, "A")
)
OUTSIDE = dn(
    (NameOID.COUNTRY_NAME, "ZZ"), (NameOID.COMMON_NAME, "A"), (NameOID.ORGANIZATION_NAME, "State Ministries")
)
MAILED = dn((NameOID.COMMON_NAME, "A"), (NameOID.EMAIL_ADDRESS, "desk@outside.test"))


def certificate(subject: x509.Name, *names: x509.GeneralName) -> x509.Certificate:
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(STATE)
        .public_key(KEY.public_key())
        .serial_number(1)
        .not_valid_before(NOW)
        .not_valid_after(NOW + timedelta(days=1))
    )
    if names:
        builder = builder.add_extension(x509.SubjectAlternativeName(names), False)
    return builder.sign(KEY, hashes.SHA256())


@pytest.mark.parametrize(
    ("subtree", "subject", "names", "covered"),
    [
        (x509.DirectoryName(STATE), INSIDE, (), True),
        (x509.DirectoryName(STATE), STATE, (), True),
        (x509.DirectoryName(STATE), OUTSIDE, (), False),
        (x509.DirectoryName(STATE), dn((NameOID.COUNTRY_NAME, "ZZ")), (), False),
        (x509.DirectoryName(STATE), INSIDE, (x509.DirectoryName(OUTSIDE),), False),
        (dns("state.test"), INSIDE, (dns("STATE.test"),), True),
        (dns("state.test"), INSIDE, (dns("a.state.test"), dns("b.a.state.test")), True),
        (dns("state.test"), INSIDE, (dns("a.state.test"), dns("notstate.test")), False),
        (dns(".state.test"), INSIDE, (dns("a.state.test"),), True),
        (mail("state.test"), INSIDE, (mail("desk@state.test"),), True),
        (mail("state.test"), INSIDE, (mail("desk@a.state.test"),), False),
        (mail(".state.test"), INSIDE, (mail("desk@a.state.test"),), True),
        (mail("desk@state.test"), INSIDE, (mail("DESK@state.test"),), True),
        (mail("desk@state.test"), INSIDE, (mail("other@state.test"),), False),
        (mail("state.test"), MAILED, (), False),
        (ip("10.1.0.0/16"), INSIDE, (ip("10.1.2.3"),), True),
        (ip("10.1.0.0/16"), INSIDE, (ip("10.2.0.1"),), False),
        (ip("10.1.0.0/16"), INSIDE, (ip("2001:db8::1"),), False),
    ],
)
def test_a_subtree_covers_what_lies_in_it(
    subtree: x509.GeneralName, subject: x509.Name, names: tuple[x509.GeneralName, ...], covered: bool
) -> None:
    assert within_constraints(certificate(subject, *names), x509.NameConstraints([subtree], None)) is covered


def test_an_excluded_name_is_refused_even_where_permitted() -> None:
    both = x509.NameConstraints([dns("state.test")], [dns("secret.state.test")])
    assert within_constraints(certificate(INSIDE, dns("a.state.test")), both)
    assert not within_constraints(certificate(INSIDE, dns("x.secret.state.test")), both)


def test_constraints_on_one_kind_of_name_leave_the_others_free() -> None:
    assert within_constraints(
        certificate(OUTSIDE, mail("a@b.test")), x509.NameConstraints([dns("c.test")], None)
    )


def test_an_empty_subject_is_no_name() -> None:
    only = x509.NameConstraints([x509.DirectoryName(STATE)], None)
    assert within_constraints(certificate(x509.Name([]), dns("a.test")), only)


@pytest.mark.parametrize(
    "kind", [uri("http://state.test"), x509.RegisteredID(x509.ObjectIdentifier("1.2.3"))]
)
def test_a_constraint_that_is_not_understood_permits_nothing(kind: x509.GeneralName) -> None:
    assert not within_constraints(certificate(INSIDE), x509.NameConstraints([kind], None))
    assert not within_constraints(certificate(INSIDE), x509.NameConstraints(None, [kind]))
