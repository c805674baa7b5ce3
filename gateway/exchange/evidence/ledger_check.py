"""Checks the whole ledger against itself, its receipts, its signatures, its times and its kept head."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date, timedelta

from sqlalchemy.orm import Session

from gateway.domain.evidence.finding import Finding
from gateway.domain.evidence.ledger import Checkpoint, cited, generation_origin
from gateway.domain.evidence.verdict import SubIndication
from gateway.exchange.evidence.ledger_walk import SKEW, Walk
from gateway.exchange.evidence.lineage import Lineage, compare
from gateway.store.evidence import ledger_queries as queries
from gateway.store.evidence import ledger_streams as streams
from gateway.store.evidence.ledger_models import LedgerRow
from gateway.store.evidence.ledger_streams import Checked, Stamped
from gateway.store.sessions import Store
from gateway.trust.anchors import Anchors
from gateway.trust.note import VerifierKey, read_vkeys, verify_note
from gateway.trust.timestamp import BadToken, Token, check_imprint, judge_authority, read_token
from gateway.wire.tlog import MalformedTlog, read_checkpoint, read_note

LAG = timedelta(hours=24)


def check_ledger(
    store: Store, lineages: Sequence[Lineage], tsa: Anchors, lag: timedelta = LAG
) -> Iterator[Finding]:
    """Everything that is wrong with the ledgers, in constant memory; each generation in one read transaction.

    Args:
        tsa: authorities of time-stamps.
        lag: how long after an event its checkpoint may come before the event's time is not credible.

    Raises:
        Unavailable: the database or a trust folder cannot be read.
        Misconfigured: the database's ledger has another name than the settings give it.
    """
    for lineage in lineages:
        with store.read() as session:
            stands, trouble = compare(session, lineage)
            if trouble is not None:
                yield trouble
            rows = queries.generations(session, lineage.test) if stands.ledger is not None else []
        keys = read_vkeys(lineage.keys)
        for row in rows:
            with store.read() as session:
                yield from _generation(session, row, lineage, keys, tsa, lag)
    with store.read() as session:
        yield from _unlogged(session)


def _generation(
    session: Session,
    row: LedgerRow,
    lineage: Lineage,
    keys: Sequence[VerifierKey],
    tsa: Anchors,
    lag: timedelta,
) -> Iterator[Finding]:
    if row.origin != generation_origin(lineage.origin, row.generation):
        yield Finding("ledger.origin", {"origin": row.origin})
    if row.generation > 1 and not _continues(session, row):
        yield Finding("ledger.continuation", {"origin": row.origin})
    yield from Walk(session, row, lineage.origin, lag).run()
    yield from _notes(session, row, keys)
    yield from _stamps(session, row, tsa)


def _continues(session: Session, row: LedgerRow) -> bool:
    """Whether the first entry cites what was before; a generation given up before it was signed has none."""
    first = queries.leaf_octets(session, row.id, 0, 1)
    return cited(first[0]) is not None if first else queries.last_checkpoint(session, row.id) is None


def _notes(session: Session, row: LedgerRow, keys: Sequence[VerifierKey]) -> Iterator[Finding]:
    last_signed = queries.last_checkpoint(session, row.id, signed=True)
    before = row.started_at
    for checkpoint in streams.checkpoints(session, row.id):
        values = {"origin": row.origin, "size": str(checkpoint.size)}
        # They are signed in order; only the last ones may still wait.
        if checkpoint.note is None:
            if last_signed is not None and checkpoint.size < last_signed.size:
                yield Finding("ledger.note-missing", values)
        elif not _signed(checkpoint, row.origin, keys):
            yield Finding("ledger.note", values)
        if checkpoint.made_at < before:
            yield Finding("ledger.checkpoint-time", values | {"time": checkpoint.made_at.isoformat()})
        before = checkpoint.made_at


def _signed(checkpoint: Checked, origin: str, keys: Sequence[VerifierKey]) -> bool:
    try:
        note = read_note(checkpoint.note or b"")
        stated = read_checkpoint(note.text)
    except MalformedTlog:
        return False
    return stated == Checkpoint(origin, checkpoint.size, checkpoint.root) and verify_note(note, keys, origin)


def _stamps(session: Session, row: LedgerRow, tsa: Anchors) -> Iterator[Finding]:
    judged = _Judged(tsa)
    for stamped in streams.tokens(session, row.id):
        fault = judged.fault(stamped)
        if fault is not None:
            values = {"origin": row.origin, "size": str(stamped.size), "reason": fault}
            yield Finding("ledger.token", values)


class _Judged:
    """Judges tokens; one authority's certificate is judged once for each day."""

    def __init__(self, tsa: Anchors) -> None:
        self._tsa = tsa
        self._verdicts: dict[tuple[bytes, date], str | None] = {}

    def fault(self, stamped: Stamped) -> str | None:
        """What is wrong with a token; None where it is good."""
        try:
            token = read_token(stamped.octets)
            check_imprint(token, stamped.note or b"")
        except BadToken as error:
            return error.code
        if token.time != stamped.stated_at or token.time < stamped.made_at - SKEW:
            return "time"
        return self._authority(token)

    def _authority(self, token: Token) -> str | None:
        key = (token.certificate.tbs_certificate_bytes, token.time.date())
        if key not in self._verdicts:
            verdict = judge_authority(token, self._tsa)
            # No fresh revocation list says nothing against a token.
            good = verdict.passed or verdict.sub is SubIndication.TRY_LATER
            sub = verdict.sub.value if verdict.sub is not None else ""
            self._verdicts = {key: None if good else sub}
        return self._verdicts[key]


def _unlogged(session: Session) -> Iterator[Finding]:
    for name, digest in streams.unlogged_receipts(session):
        yield Finding("ledger.unlogged", {"receipt": name, "digest": digest})
    for digest in streams.unlogged_purges(session):
        yield Finding("ledger.unlogged-purge", {"digest": digest})
