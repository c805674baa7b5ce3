"""A letter, a context and an HTTP client whose answers are written beforehand."""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any, BinaryIO

from adapters.contract import Context, Letter, Response
from gateway.domain.transit.envelope import Attachment, AttachmentRole, Envelope, Purpose, Recipient
from gateway.domain.transit.persons import Sender

NOW = datetime(2026, 7, 27, 9, 30, tzinfo=UTC)
PLAN = b"%PDF-1.7 plan fictif"
ORIGINAL = b"<Envelope>sealed octets</Envelope>"


def attachment(octets: bytes = PLAN, **changes: Any) -> Attachment:
    found = Attachment(
        id="a1",
        name='plan "été".pdf',
        media_type="application/pdf",
        size=len(octets),
        sha256=hashlib.sha256(octets).hexdigest(),
        role=AttachmentRole.MAIN,
    )
    return replace(found, **changes)


def envelope(**changes: Any) -> Envelope:
    found = Envelope(
        version="1.0",
        hub="DEMO-HUB",
        message_id="018f0000-0000-7000-8000-000000000001",
        purpose=Purpose.LETTER,
        created_at=NOW,
        sender=Sender(party="A0000001-S"),
        recipients=(Recipient(office="B0000001-V", unit="Service fictif"),),
        subject="Demande fictive <d'essai> & طلب تجريبي",
        language="fr",
        body="Texte d'essai.",
        attachments=(attachment(),),
    )
    return replace(found, **changes)


def letter(contents: Mapping[str, bytes] | None = None, **changes: Any) -> Letter:
    """A letter whose attachments open by their id."""
    stored = {"a1": PLAN} if contents is None else contents

    def open_it(wanted: Attachment) -> BinaryIO:
        return io.BytesIO(stored[wanted.id])

    found = Letter(
        delivery_id="018f0000-0000-7000-8000-00000000000d",
        reference="7K2M-9QXT-4RB",
        accepted_at=NOW,
        envelope=envelope(),
        original=ORIGINAL,
        original_media_type="application/xml",
        sender_name="Ministère fictif du Plan",
        office="B0000001-V",
        open=open_it,
    )
    return replace(found, **changes)


@dataclass(frozen=True)
class Sent:
    """A request that the double took."""

    method: str
    url: str
    headers: Mapping[str, str]
    body: bytes
    identity: str | None = None

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass
class ScriptedHttp:
    """Answers in the order written; an exception is raised instead."""

    answers: list[Response | Exception]
    sent: list[Sent] = field(default_factory=list)

    def request(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        body: bytes | Iterator[bytes] | None = None,
        content_length: int | None = None,
        identity: str | None = None,
    ) -> Response:
        octets = body if isinstance(body, bytes) else b"".join(body or ())
        assert content_length in (None, len(octets))
        self.sent.append(Sent(method, url, headers or {}, octets, identity))
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer


def said(status: int, content: Any = None, media_type: str = "application/json", **headers: str) -> Response:
    """An answer; ``content`` as JSON unless it is octets."""
    body = content if isinstance(content, bytes) else b"" if content is None else json.dumps(content).encode()
    names = {name.replace("_", "-"): value for name, value in headers.items()}
    return Response(status, {"content-type": media_type, **names}, body)


def context(options: Mapping[str, Any], *answers: Response | Exception, now: datetime = NOW) -> Context:
    """A context whose secrets are ``secret of <reference>``."""
    return Context(
        http=ScriptedHttp(list(answers)),
        options=options,
        secret=lambda reference: f"secret of {reference}",
        now=lambda: now,
    )


def sent(used: Context) -> list[Sent]:
    """What went through the context's client."""
    assert isinstance(used.http, ScriptedHttp)
    return used.http.sent
