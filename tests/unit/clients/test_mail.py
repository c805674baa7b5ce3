"""Mail leaves by the real protocol, whole or not at all, and no name or server can make it say more."""

from __future__ import annotations

import email
import socket
import ssl
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email import policy
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.smtp import AuthResult
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from gateway.clients.mail import LARGEST_MESSAGE, Mail, Outbox, Smtp, SmtpSettings
from gateway.domain.errors import Ambiguous, DeliveryError, Permanent, Temporary
from tests.support.post import Post, post_office

AT = datetime(2026, 3, 4, 5, 6, 7, tzinfo=UTC)
MAIL = Mail(
    key="a" * 64,
    sender="gateway@demo-hub.test",
    recipient="order-office-1@agency.test",
    subject="توجد مراسلات في الانتظار",
    text="Mail waits.\n\n.a line that begins with a dot\n",
    html="<p>Mail waits.</p>",
    language="ar",
)


def client(port: int, **settings: Any) -> Smtp:
    chosen = {"security": "none", "connect_s": 5.0, "total_s": 10.0, **settings}
    return Smtp(SmtpSettings("mail.agency.test", port, **chosen), lambda host, port: ["127.0.0.1"])


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Certificate and key of mail.agency.test, which is its own authority."""
    folder = tmp_path_factory.mktemp("tls")
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "mail.agency.test")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("mail.agency.test")]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    encoding = serialization.Encoding.PEM
    (folder / "certificate.pem").write_bytes(made.public_bytes(encoding))
    (folder / "key.pem").write_bytes(
        key.private_bytes(encoding, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return folder / "certificate.pem", folder / "key.pem"


def tls(certificate: tuple[Path, Path]) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*certificate)
    return context


def test_message_arrives_as_it_was_written() -> None:
    post = Post()
    with post_office(post) as port:
        client(port).send(MAIL, AT)
    [taken] = post.taken
    assert (taken.mail_from, taken.rcpt_tos) == (MAIL.sender, [MAIL.recipient])
    message = email.message_from_bytes(taken.content, policy=policy.default)
    assert message["Subject"] == MAIL.subject
    assert message["Message-ID"] == f"<{MAIL.key}@demo-hub.test>"
    assert message["Auto-Submitted"] == "auto-generated"
    plain, html = message.iter_parts()  # type: ignore[union-attr]
    assert plain.get_content().replace("\r\n", "\n") == MAIL.text
    assert (html.get_content_type(), html.get_content().strip()) == ("text/html", MAIL.html)


@pytest.mark.parametrize("security", ["starttls", "tls"])
def test_encrypted_server_is_believed_under_its_own_name(
    certificate: tuple[Path, Path], security: str
) -> None:
    post, context = Post(), tls(certificate)
    options = {"ssl_context": context} if security == "tls" else {"tls_context": context}
    with post_office(post, **options) as port:
        client(port, security=security, ca_file=certificate[0]).send(MAIL, AT)
    assert len(post.taken) == 1


def test_certificate_of_another_name_is_refused_before_anything_is_said(
    certificate: tuple[Path, Path],
) -> None:
    post = Post()
    with post_office(post, tls_context=tls(certificate)) as port:
        wrong = client(port, security="starttls", ca_file=certificate[0])
        wrong = replace(wrong, settings=replace(wrong.settings, host="other.agency.test"))
        with pytest.raises(Temporary, match="TLS"):
            wrong.send(MAIL, AT)
    assert post.taken == []


def test_server_without_encryption_gets_nothing_where_encryption_is_asked() -> None:
    post = Post()
    with post_office(post) as port, pytest.raises(Temporary):
        client(port, security="starttls").send(MAIL, AT)
    assert post.taken == []


def test_log_in_is_done_under_encryption_and_its_failure_is_for_a_later_try(
    certificate: tuple[Path, Path],
) -> None:
    post, tried = Post(), []

    def check(server: Any, session: Any, envelope: Any, mechanism: str, data: Any) -> AuthResult:
        tried.append((data.login, data.password))
        return AuthResult(success=data.password == b"right", handled=False)

    with post_office(post, tls_context=tls(certificate), authenticator=check, auth_required=True) as port:
        known = {"security": "starttls", "ca_file": certificate[0], "user": "hub"}
        with pytest.raises(Temporary, match="SMTP 535"):
            client(port, password="wrong", **known).send(MAIL, AT)
        client(port, password="right", **known).send(MAIL, AT)
    assert len(post.taken) == 1
    assert tried[-1] == (b"hub", b"right")


@pytest.mark.parametrize(
    ("answer", "kind"), [("451 later", Temporary), ("550 no such mailbox", Permanent), ("552 no", Permanent)]
)
@pytest.mark.parametrize("where", ["answers", "at_recipient"])
def test_refusals_are_told_apart(answer: str, kind: type[DeliveryError], where: str) -> None:
    post = Post(**{where: [answer]})
    with post_office(post) as port:
        with pytest.raises(kind):
            client(port).send(MAIL, AT)
        client(port).send(MAIL, AT)
    assert len(post.taken) == 1


def test_refused_connection_is_for_a_later_try() -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    with pytest.raises(Temporary):
        client(port).send(MAIL, AT)


def hang(connection: socket.socket, server: Any) -> None:
    server.stopped.wait(10)


def endless(connection: socket.socket, server: Any) -> None:
    while not server.stopped.is_set():
        connection.sendall(b"220-and more\r\n" * 100)


def drip(connection: socket.socket, server: Any) -> None:
    while not server.stopped.wait(0.05):
        connection.sendall(b"2")


def garbage(connection: socket.socket, server: Any) -> None:
    connection.sendall(b"HTTP/1.1 200 OK\r\n\r\n")


@pytest.mark.parametrize("behave", [hang, endless, drip, garbage])
def test_server_that_behaves_badly_costs_bounded_time_and_memory(
    serve: Callable[..., Any], behave: Callable[..., None]
) -> None:
    bad = serve(behave)
    with pytest.raises(Temporary):
        client(bad.port, total_s=0.5).send(MAIL, AT)


def test_silence_after_the_message_leaves_open_whether_it_was_taken(serve: Callable[..., Any]) -> None:
    def silent(connection: socket.socket, server: Any) -> None:
        connection.sendall(b"220 ready\r\n")
        for answer in (b"250 hello", b"250 OK", b"250 OK", b"354 go on"):
            connection.recv(4096)
            connection.sendall(answer + b"\r\n")
        while b"\r\n.\r\n" not in connection.recv(65536):
            pass

    with pytest.raises(Ambiguous):
        client(serve(silent).port).send(MAIL, AT)


def test_address_that_nobody_may_call_is_not_called() -> None:
    lost = Smtp(SmtpSettings("mail.agency.test", 25), lambda host, port: ["169.254.169.254"])
    with pytest.raises(Permanent, match="no address that the hub may call"):
        lost.send(MAIL, AT)


@pytest.mark.parametrize(
    "change",
    [
        {"recipient": "a@b.test\r\nBcc: c@d.test"},
        {"recipient": "a@b.test, c@d.test"},
        {"recipient": "<a@b.test> SIZE=1"},
        {"recipient": "Name <a@b.test>"},
        {"sender": "a@b.test\nX: y"},
        {"subject": "Mail\r\nBcc: c@d.test"},
        {"subject": "Mail\u2028Bcc: c@d.test"},
        {"subject": "Mail\x00"},
        {"subject": "x" * 201},
        {"subject": ""},
        {"text": "x" * LARGEST_MESSAGE},
    ],
)
def test_nothing_that_could_be_read_as_more_leaves(change: dict[str, str], tmp_path: Path) -> None:
    with pytest.raises(Permanent):
        Outbox(tmp_path).send(replace(MAIL, **change), AT)
    assert list(tmp_path.iterdir()) == []


def test_outbox_keeps_each_message_once(tmp_path: Path) -> None:
    outbox = Outbox(tmp_path / "outbox")
    for _ in range(2):
        outbox.send(MAIL, AT)
    outbox.send(replace(MAIL, key="../../b"), AT)
    assert sorted(path.name for path in outbox.folder.iterdir()) == ["------b.eml", f"{MAIL.key}.eml"]


def test_outbox_that_cannot_be_written_is_for_a_later_try(tmp_path: Path) -> None:
    (tmp_path / "outbox").write_text("a file")
    with pytest.raises(Temporary, match="outbox"):
        Outbox(tmp_path / "outbox").send(MAIL, AT)
