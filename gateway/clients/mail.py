"""Mail out of the hub by SMTP: one short message to one person, within a bounded time."""

from __future__ import annotations

import contextlib
import smtplib
import socket
import ssl
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime
from pathlib import Path
from typing import BinaryIO, Literal, Protocol, cast

from gateway.clients.address import AddressRules
from gateway.clients.alarm import Alarm
from gateway.clients.deadline import Deadline
from gateway.clients.resolver import Resolver, resolve_within, system_resolver
from gateway.domain.errors import Ambiguous, DeliveryError, Permanent, Temporary
from gateway.domain.lines import is_line
from gateway.domain.registry.addresses import is_mail_address

NOT_REACHED = "WASL-DLV-001"
NO_FORM = "WASL-DLV-007"
REFUSED_NOW, REFUSED = "WASL-DLV-002", "WASL-DLV-003"
SILENT = "WASL-DLV-004"

LARGEST_MESSAGE = 64 * 1024
"""Octets; what tells a person that something waits has some thousand."""
_LARGEST_REPLIES = 64 * 1024
_LONGEST_SUBJECT = 200

Security = Literal["starttls", "tls", "none"]


@dataclass(frozen=True)
class Mail:
    """One message to one person.

    Attributes:
        key: the same for each copy of the same message, so that a second one shows as one.
        text: the message in plain text; ``html`` says the same.
    """

    key: str
    sender: str
    recipient: str
    subject: str
    text: str
    html: str
    language: str

    def composed(self, at: datetime) -> bytes:
        """The octets of the message as RFC 5322 has them, lines ending with CR LF.

        Raises:
            Permanent: an address is none, a header has characters that no header may have, or it is too long.
        """
        if not all(map(is_mail_address, (self.sender, self.recipient))) or not is_header(self.subject):
            raise Permanent(NO_FORM, "an address or the subject could be read as something else")
        message = EmailMessage(policy=SMTP)
        message["From"], message["To"], message["Subject"] = self.sender, self.recipient, self.subject
        message["Date"] = format_datetime(at)
        message["Message-ID"] = f"<{self.key}@{self.sender.rpartition('@')[2]}>"
        message["Content-Language"] = self.language
        message["Auto-Submitted"] = "auto-generated"  # RFC 3834 5: no automatic answer is wanted
        message.set_content(self.text)
        message.add_alternative(self.html, subtype="html")
        octets = message.as_bytes()
        if len(octets) > LARGEST_MESSAGE:
            raise Permanent(NO_FORM, f"more than {LARGEST_MESSAGE} octets")
        return octets


def is_header(text: str) -> bool:
    """Whether ``text`` is one line that a header can carry: no control and no line or paragraph separator."""
    return 0 < len(text) <= _LONGEST_SUBJECT and is_line(text)


class Mailer(Protocol):
    """Takes messages for people."""

    def send(self, mail: Mail, at: datetime) -> None:
        """Hand the message on, as of the moment ``at``.

        Raises:
            Temporary: it was not taken; a later try may help.
            Permanent: it will never be taken.
            Ambiguous: it may have been taken.
        """
        ...


@dataclass(frozen=True)
class Outbox:
    """A stand-in for a mail system: messages are laid in a folder, and nobody reads them there."""

    folder: Path

    def send(self, mail: Mail, at: datetime) -> None:
        """Lay the message down; a second copy replaces the first. See `Mailer.send`."""
        octets = mail.composed(at)
        name = "".join(one if one.isalnum() else "-" for one in mail.key)
        fresh = self.folder / f".{name}.new"
        try:
            self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            fresh.write_bytes(octets)
            fresh.replace(self.folder / f"{name}.eml")
        except OSError as error:
            raise Temporary(NOT_REACHED, f"outbox: {error.strerror}") from error


@dataclass(frozen=True)
class SmtpSettings:
    """Where mail is handed in; times in seconds.

    Attributes:
        allow: the operator's allow-list of inner networks; ``host`` itself is on it by being named here.
        password: read anew for each connection, so that it can be changed.
    """

    host: str
    port: int
    security: Security = "starttls"
    user: str = ""
    password: str = field(default="", repr=False)
    allow: tuple[str, ...] = ()
    ca_file: Path | None = None
    connect_s: float = 5.0
    total_s: float = 30.0


@dataclass(frozen=True)
class Smtp:
    """Hands messages to one mail server (RFC 5321), a connection for each."""

    settings: SmtpSettings
    resolve: Resolver = system_resolver
    alarm: Alarm = field(default_factory=Alarm, compare=False, repr=False)

    def send(self, mail: Mail, at: datetime) -> None:
        """Hand the message to the server; see `Mailer.send`."""
        octets = mail.composed(at)
        with (
            Deadline(self.settings.total_s, self.alarm) as deadline,
            _named(),
            self._connected(deadline) as connection,
        ):
            _begin(connection, mail)
            _finish(connection, octets)

    @contextlib.contextmanager
    def _connected(self, deadline: Deadline) -> Iterator[_Connection]:
        wanted = self.settings
        found = resolve_within(deadline.remaining(wanted.connect_s), self.resolve, wanted.host, wanted.port)
        addresses = AddressRules((*wanted.allow, wanted.host)).permitted(wanted.host, found)
        connection = _Connection(wanted, [str(one) for one in addresses], deadline)
        try:
            connection.open()
            yield connection
        finally:
            connection.close()


class _Connection(smtplib.SMTP):
    """The standard client, which reads no more than a bounded answer from an address that was judged."""

    def __init__(self, wanted: SmtpSettings, addresses: list[str], deadline: Deadline) -> None:
        super().__init__(local_hostname="localhost", timeout=wanted.connect_s)
        self._wanted, self._addresses, self._deadline = wanted, addresses, deadline
        self._host = wanted.host  # the name that a certificate must have
        self._tls = ssl.create_default_context(cafile=wanted.ca_file)

    def open(self) -> None:
        """Connect, encrypt and log in, as the settings say."""
        code, said = self.connect(self._wanted.host, self._wanted.port)
        if code != 220:  # RFC 5321 3.1
            raise smtplib.SMTPConnectError(code, said)
        if self._wanted.security == "starttls":
            self.ehlo_or_helo_if_needed()
            code, said = self.starttls(context=self._tls)
            if code != 220:
                raise smtplib.SMTPConnectError(code, said)
        if self._wanted.user:
            self.login(self._wanted.user, self._wanted.password)

    def _get_socket(self, host: str, port: int, timeout: float) -> socket.socket:
        raw = self._reached(port)
        self._deadline.guard(raw)
        raw.settimeout(self._deadline.remaining(self._wanted.total_s) or 0.001)
        if self._wanted.security != "tls":
            return raw
        try:
            return self._tls.wrap_socket(raw, server_hostname=host)
        except BaseException:
            raw.close()
            raise

    def _reached(self, port: int) -> socket.socket:
        last: OSError = OSError("no address")
        for address in self._addresses:
            try:
                within = self._deadline.remaining(self._wanted.connect_s) or 0.001
                return socket.create_connection((address, port), within)
            except OSError as error:
                last = error
        raise last

    def getreply(self) -> tuple[int, bytes]:
        if self.file is None and self.sock is not None:
            self.file = cast("BinaryIO", _Bounded(self.sock.makefile("rb")))
        return super().getreply()


class _Bounded:
    """The server's answers, line by line, up to a bound over all of them."""

    def __init__(self, file: BinaryIO) -> None:
        self._file, self._left = file, _LARGEST_REPLIES

    def readline(self, limit: int) -> bytes:
        line = self._file.readline(min(limit, self._left + 1))
        self._left -= len(line)
        if self._left < 0:
            raise OSError("the server says more than anybody needs")
        return line

    def close(self) -> None:
        self._file.close()


def _begin(connection: _Connection, mail: Mail) -> None:
    """Everything before the message itself: what fails here was not taken."""
    connection.ehlo_or_helo_if_needed()
    for code, said in (connection.mail(mail.sender), connection.rcpt(mail.recipient)):
        if code not in (250, 251):
            raise smtplib.SMTPResponseException(code, said)


def _finish(connection: _Connection, octets: bytes) -> None:
    """The message; a connection lost before the last answer leaves open whether it was taken.

    Raises:
        Ambiguous: that happened.
    """
    try:
        code, said = connection.data(octets)
    except (smtplib.SMTPServerDisconnected, OSError) as error:
        if isinstance(error, smtplib.SMTPResponseException):  # refused at DATA: it was not sent
            raise
        raise Ambiguous(SILENT, "no answer to the message") from error
    if code != 250:
        raise smtplib.SMTPResponseException(code, said)
    with contextlib.suppress(smtplib.SMTPException, OSError):
        connection.quit()


@contextlib.contextmanager
def _named() -> Iterator[None]:
    """Let every trouble of SMTP leave as one of the three failures; what the server says stays in the log.

    A refused log-in, a certificate of another name and a server without TLS are the operators' to mend,
    which may take until one of the next tries.
    """
    try:
        yield
    except DeliveryError:
        raise
    except (smtplib.SMTPAuthenticationError, smtplib.SMTPConnectError) as error:
        raise Temporary(REFUSED_NOW, f"SMTP {error.smtp_code}") from error
    except smtplib.SMTPResponseException as error:
        kind = Permanent if 500 <= error.smtp_code < 600 else Temporary
        code = REFUSED if kind is Permanent else REFUSED_NOW
        raise kind(code, f"SMTP {error.smtp_code}") from error
    except ssl.SSLError as error:
        raise Temporary(NOT_REACHED, f"TLS: {error.reason or 'refused'}") from error
    except (smtplib.SMTPException, OSError, ValueError) as error:
        raise Temporary(NOT_REACHED, type(error).__name__) from error
