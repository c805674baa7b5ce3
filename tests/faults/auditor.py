"""An auditor who trusts nobody: judges senders' receipts against what the recipients' own stores hold.

It imports nothing of the hub and reads one folder:

    seal/*.pem            certificates under which a receipt counts; no other
    sent.jsonl            what senders kept of their letters: messageId, sha256, mediaType, offices
    answers.jsonl         every answer a sender got: messageId, status (0: none came), mediaType, octets
    letters.jsonl         what the senders' API says at the end: messageId, status (the answer's JSON)
    receipts.jsonl        every receipt fetched at the end: messageId, id, mediaType, octets
    octets/<sha256>       the octets that `answers` and `receipts` name by their digest
    offices.json          of each office: store (a name, or null for the hub's own office) and what its
                          system can tell of a letter that comes again: "repeats", "finds", "nothing"
    stores/<name>.jsonl   a recipient's append-only log: what (took, told), delivery; of what it took the
                          digests of all files (originals) and whether it was called a possible duplicate,
                          of what it told the digest of the answer; or <name>/ with a document system's
                          SQLite file
    operator.jsonl        what `wasl delivery list --json` says at the end
    explained.json        deliveries that may be open at the end: state, reason, most

    python tests/faults/auditor.py FOLDER

It prints a table and every fault; exit 0 when nothing is wrong, 1 when something is, 2 when it cannot judge.
"""

from __future__ import annotations

import base64
import hashlib
import json
import sqlite3
import sys
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256
from jwcrypto.common import JWException
from jwcrypto.jwk import JWK
from jwcrypto.jws import JWS
from lxml import etree

XML, COMPACT = "application/xml", "application/jose"
VERDICTS = {
    "seal": "receipts with a valid seal over the digest that they state",
    "acceptance": "accepted letters whose receipt names them and all their recipients",
    "repeats": "letters whose every answer was the same, to the octet",
    "lost": "deliveries with an outcome, or open as was expected",
    "outcome": "deliveries with one outcome at most, the one that the sender was told",
    "chain": "chains without a gap whose times never go back",
    "true": "handovers whose recipient has exactly that letter",
    "unknown": "deliveries not handed over that the recipient does not have, or doubt is told",
    "twice": "letters that lie once in a store that can tell",
    "duplicate": "letters that a store which cannot tell got again, and was told so",
    "held": "open deliveries that say why and until when",
    "refused": "letters in stores that were accepted, refused ones being nowhere",
}
_TELLS = ("repeats", "finds")
_OPEN = ("QUEUED", "DELIVERING", "WAITING", "HELD", "AVAILABLE")
_ENDED_BY = {"REFUSED", "REDIRECTED", "EXPIRED", "CANCELLED"}
_LATE = "urn:wasl:event:LateHandover"
_BESIDE = {_LATE, "urn:wasl:event:Resent"}
"""Told beside an outcome, which they repeat and do not replace."""
_DS = "{http://www.w3.org/2000/09/xmldsig#}"
_RECEIPT = "{urn:wasl:receipt:1.0}"
_EXCLUSIVE = "http://www.w3.org/2001/10/xml-exc-c14n#"
_ENVELOPED = "http://www.w3.org/2000/09/xmldsig#enveloped-signature"


class NotSealed(Exception):
    """Why a receipt's seal does not count."""


@dataclass(frozen=True)
class Evidence:
    """The folder, read."""

    seals: dict[bytes, Any]
    sent: list[dict[str, Any]]
    answers: list[dict[str, Any]]
    letters: dict[str, dict[str, Any]]
    receipts: list[dict[str, Any]]
    offices: dict[str, dict[str, Any]]
    stores: dict[str, dict[str, list[dict[str, Any]]]]
    operator: dict[str, dict[str, Any]]
    explained: list[dict[str, Any]]
    octets: Callable[[str], bytes]


@dataclass
class Findings:
    """How many things of each sort were looked at, and what is wrong with which."""

    looked: Counter[str] = field(default_factory=Counter)
    faults: list[tuple[str, str, str]] = field(default_factory=list)

    def judge(self, verdict: str, what: str, *faults: str | None) -> None:
        """One thing was looked at; None is no fault."""
        self.looked[verdict] += 1
        self.faults += [(verdict, what, fault) for fault in faults if fault]

    def table(self) -> Iterator[str]:
        wrong = Counter(verdict for verdict, _, _ in self.faults)
        yield f"{'verdict':<11}{'looked at':>10}{'wrong':>7}  what"
        for verdict, words in VERDICTS.items():
            yield f"{verdict:<11}{self.looked[verdict]:>10}{wrong[verdict]:>7}  {words}"
        for verdict, what, fault in self.faults:
            yield f"WRONG {verdict}: {what}: {fault}"


# Reading


def read(folder: Path) -> Evidence:
    """The evidence in a folder.

    Raises:
        OSError, ValueError: it is not all there, so nothing can be judged.
    """
    certificates = [
        one
        for path in sorted((folder / "seal").glob("*.pem"))
        for one in x509.load_pem_x509_certificates(path.read_bytes())
    ]
    return Evidence(
        seals={_der(one): one.public_key() for one in certificates},
        sent=_lines(folder / "sent.jsonl"),
        answers=_lines(folder / "answers.jsonl"),
        letters={one["messageId"]: one["status"] for one in _lines(folder / "letters.jsonl")},
        receipts=_lines(folder / "receipts.jsonl"),
        offices=json.loads((folder / "offices.json").read_text("utf-8")),
        stores={path.stem: _store(path) for path in sorted((folder / "stores").iterdir())},
        operator={one["id"]: one for one in _lines(folder / "operator.jsonl")},
        explained=json.loads((folder / "explained.json").read_text("utf-8")),
        octets=lambda digest: (folder / "octets" / digest).read_bytes(),
    )


def _der(certificate: x509.Certificate) -> bytes:
    from cryptography.hazmat.primitives.serialization import Encoding

    return certificate.public_bytes(Encoding.DER)


def _lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()]


def _store(path: Path) -> dict[str, list[dict[str, Any]]]:
    """What a recipient's log says, by delivery, in its order."""
    found = defaultdict(list)
    for one in _folders(next(path.glob("*.sqlite"))) if path.is_dir() else _lines(path):
        found[one["delivery"]].append(one)
    return dict(found)


def _folders(database: Path) -> Iterator[dict[str, Any]]:
    """What a document system has registered; a draft is no letter yet."""
    query = """SELECT dossier.cle, ref_externe, contenu, group_concat(sha256) FROM dossier
               LEFT JOIN document ON document.cle = dossier.cle
               WHERE etat = 'enregistre' GROUP BY dossier.cle"""
    with closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True)) as opened:
        for _, delivery, words, digests in opened.execute(query):
            yield {
                "what": "took",
                "delivery": delivery,
                "originals": (digests or "").split(","),
                "duplicate": words.startswith("[Doublon possible]"),
            }


# Seals


def content_of(octets: bytes, media_type: str, seals: dict[bytes, Any]) -> dict[str, Any]:
    """What a receipt says, its seal checked; of one in XML only what all renderings share by name.

    Raises:
        NotSealed: the seal does not count, or the digest stated is another's.
    """
    if media_type == COMPACT:
        return _of_jws(octets, seals)
    if media_type == XML:
        return _of_xml(octets, seals)
    raise NotSealed(f"unknown rendering {media_type}")


def _of_jws(octets: bytes, seals: dict[bytes, Any]) -> dict[str, Any]:
    try:
        jws = JWS()
        jws.deserialize(octets.decode("ascii"))
        key = seals.get(base64.b64decode(jws.jose_header["x5c"][0]))
        if key is None or jws.jose_header.get("typ") != "wasl-receipt+json":
            raise NotSealed("sealed by somebody else, or no receipt")
        jws.verify(JWK.from_pyca(key))
    except (JWException, ValueError, KeyError, TypeError) as error:
        raise NotSealed(f"no valid seal: {type(error).__name__}") from error
    content: dict[str, Any] = json.loads(jws.payload)
    bare = {name: value for name, value in content.items() if name != "contentDigest"}
    # RFC 8785, for names in ASCII and values without fractions
    plain = json.dumps(bare, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    if hashlib.sha256(plain.encode()).hexdigest() != content.get("contentDigest"):
        raise NotSealed("states the digest of other content")
    return content


def _of_xml(octets: bytes, seals: dict[bytes, Any]) -> dict[str, Any]:
    try:
        root = etree.fromstring(octets, etree.XMLParser(resolve_entities=False, no_network=True))
        signature = root.find(f"{_DS}Signature")
        if root.tag != f"{_RECEIPT}Receipt" or signature is None:
            raise NotSealed("no sealed receipt")
        _check_xml(root, signature, seals)
    except (etree.XMLSyntaxError, InvalidSignature, ValueError, AttributeError, TypeError) as error:
        raise NotSealed(f"no valid seal: {type(error).__name__}") from error

    def text(path: str) -> str | None:
        return root.findtext("/".join(f"{_RECEIPT}{name}" for name in path.split("/")))

    recipients = root.findall(f"{_RECEIPT}Recipients/{_RECEIPT}Recipient/{_RECEIPT}Delivery")
    offices = root.findall(f"{_RECEIPT}Recipients/{_RECEIPT}Recipient/{_RECEIPT}Office")
    return {
        "receiptId": text("ReceiptId"),
        "kind": text("Kind"),
        "messageId": text("MessageId"),
        "received": {"sha256": text("Received/Sha256")},
        "contentDigest": text("ContentDigest"),
        "recipients": [
            {"delivery": one.text, "office": office.text}
            for one, office in zip(recipients, offices, strict=True)
        ],
    }


def _check_xml(root: Any, signature: Any, seals: dict[bytes, Any]) -> None:
    """Check the references and the value of an XML signature over the whole document.

    Raises:
        NotSealed, InvalidSignature: one of them is wrong.
    """
    info = signature.find(f"{_DS}SignedInfo")
    key = seals.get(base64.b64decode(signature.findtext(f".//{_DS}X509Certificate")))
    if key is None:
        raise NotSealed("sealed by somebody else")
    value = base64.b64decode(signature.findtext(f"{_DS}SignatureValue"))
    half = len(value) // 2
    r, s = (int.from_bytes(part, "big") for part in (value[:half], value[half:]))
    key.verify(encode_dss_signature(r, s), _canonical(info), ec.ECDSA(SHA256()))
    references = info.findall(f"{_DS}Reference")
    if "" not in [one.get("URI") for one in references]:
        raise NotSealed("the seal does not cover the document")
    for reference in references:
        digest = hashlib.sha256(_referenced(root, signature, reference)).digest()
        if digest != base64.b64decode(reference.findtext(f"{_DS}DigestValue")):
            raise NotSealed("was changed after it was sealed")


def _referenced(root: Any, signature: Any, reference: Any) -> bytes:
    uri = reference.get("URI")
    used = [one.get("Algorithm") for one in reference.iter(f"{_DS}Transform")]
    if uri == "" and used == [_ENVELOPED, _EXCLUSIVE]:
        whole = etree.fromstring(etree.tostring(root))
        whole.remove(whole.find(f"{_DS}Signature"))
        return _canonical(whole)
    found = [one for one in signature.iter() if one.get("Id") == uri[1:]]
    if used != [_EXCLUSIVE] or len(found) != 1:
        raise NotSealed("the seal is made in a way that is not ours")
    return _canonical(found[0])


def _canonical(element: Any) -> bytes:
    return etree.tostring(element, method="c14n", exclusive=True, with_tail=False)  # type: ignore[no-any-return]


# Judging


def audit(evidence: Evidence) -> Findings:
    """Everything that is wrong."""
    findings = Findings()
    contents = _opened(evidence, findings)
    of_letter: dict[str, dict[str, dict[str, Any]]] = defaultdict(dict)
    for content in contents:
        of_letter[content["messageId"]][content["receiptId"]] = content
    accepted = set()
    for letter in evidence.sent:
        if _judge_letter(evidence, findings, letter, of_letter[letter["messageId"]]):
            accepted.add(letter["messageId"])
    _judge_stores(evidence, findings, accepted)
    for one in evidence.explained:
        if one["found"] > one.get("most", sys.maxsize):
            findings.judge("lost", one["state"], f"{one['found']} are open, at most {one['most']} may be")
    return findings


def _opened(evidence: Evidence, findings: Findings) -> list[dict[str, Any]]:
    """The content of every receipt fetched whose seal is good, in JSON."""
    contents = []
    for one in evidence.receipts:
        try:
            content = content_of(evidence.octets(one["octets"]), one["mediaType"], evidence.seals)
        except NotSealed as fault:
            findings.judge("seal", one["id"], str(fault))
            continue
        other = None if content["receiptId"] == one["id"] else "is another receipt than was asked for"
        findings.judge("seal", one["id"], other)
        if one["mediaType"] == COMPACT:
            contents.append(content)
    return contents


def _judge_letter(
    evidence: Evidence, findings: Findings, letter: dict[str, Any], receipts: dict[str, dict[str, Any]]
) -> bool:
    """Judge one letter; whether it was accepted."""
    name = letter["messageId"]
    answers = letter["answers"]
    good = [one for one in answers if one["status"] in (200, 201)]
    _judge_answers(findings, name, answers)
    if not good:
        status = evidence.letters.get(name)
        if status is not None:
            findings.judge("acceptance", name, "the hub says it was accepted, and its sender has no receipt")
        return status is not None
    try:
        held = content_of(evidence.octets(good[0]["octets"]), good[0]["mediaType"], evidence.seals)
    except NotSealed as fault:
        findings.judge("seal", f"acceptance of {name}", str(fault))
        return True
    findings.judge("seal", f"acceptance of {name}")
    findings.judge("acceptance", name, *_faults_of_acceptance(letter, held, receipts))
    _judge_deliveries(evidence, findings, letter, held, receipts)
    return True


def _judge_answers(findings: Findings, name: str, answers: list[dict[str, Any]]) -> None:
    """Once accepted, always accepted, and in the same octets; the same of a sealed refusal."""
    told = [one for one in answers if one["status"] in (200, 201, 422) and one["octets"]]
    kinds = {one["status"] == 422 for one in told}
    forms: dict[str, set[str]] = defaultdict(set)
    for one in told:
        forms[one["mediaType"]].add(one["octets"])
    findings.judge(
        "repeats",
        name,
        "was both accepted and refused" if len(kinds) > 1 else None,
        *(f"{len(octets)} different answers in {form}" for form, octets in forms.items() if len(octets) > 1),
        "was accepted twice" if sum(one["status"] == 201 for one in answers) > 1 else None,
    )


def _faults_of_acceptance(
    letter: dict[str, Any], held: dict[str, Any], receipts: dict[str, dict[str, Any]]
) -> Iterator[str]:
    if held["kind"] != "acceptance":
        yield f"a receipt of kind {held['kind']} was given for an acceptance"
    if held["messageId"] != letter["messageId"] or held["received"]["sha256"] != letter["sha256"]:
        yield "the receipt is for another letter"
    if [one["office"] for one in held["recipients"]] != letter["offices"]:
        yield "the receipt names other recipients"
    fetched = receipts.get(held["receiptId"])
    if fetched is None:
        yield "the receipt that the sender holds cannot be fetched any more"
    elif fetched["contentDigest"] != held["contentDigest"]:
        yield "the receipt that is fetched has other content"
    if sum(one["kind"] == "acceptance" for one in receipts.values()) > 1:
        yield "more than one acceptance"


def _judge_deliveries(
    evidence: Evidence,
    findings: Findings,
    letter: dict[str, Any],
    held: dict[str, Any],
    receipts: dict[str, dict[str, Any]],
) -> None:
    status = evidence.letters.get(letter["messageId"])
    told = {} if status is None else {one["id"]: one for one in status["deliveries"]}
    owed = [one["delivery"] for one in held["recipients"]]
    owed += [one["outcome"]["successor"] for one in receipts.values() if _successor(one)]
    for delivery in owed:
        if delivery not in told:
            findings.judge("lost", delivery, "the hub does not know the delivery any more")
    for delivery in told.keys() - set(owed):
        findings.judge("lost", delivery, "nobody was promised this delivery")
    for delivery in owed:
        if delivery in told:
            chain = [one for one in receipts.values() if _delivery(one) == delivery]
            case = _Case(told[delivery], letter, held["contentDigest"], chain)
            _judge_delivery(evidence, findings, case)


@dataclass
class _Case:
    """One delivery: what the sender is told of it, and its receipts."""

    told: dict[str, Any]
    letter: dict[str, Any]
    root: str
    receipts: list[dict[str, Any]]

    @property
    def name(self) -> str:
        return str(self.told["id"])

    @property
    def state(self) -> str:
        return str(self.told["state"])


def _judge_delivery(evidence: Evidence, findings: Findings, case: _Case) -> None:
    chain, gaps = _chain(case)
    findings.judge("chain", case.name, *gaps)
    ends = list(_outcomes(chain))
    states = [one["outcome"]["state"] for one in ends]
    findings.judge("outcome", case.name, *_faults_of_outcome(case, states))
    office = evidence.offices[case.told["office"]]
    log = evidence.stores[office["store"]].get(case.name, []) if office["store"] else []
    there = [one for one in log if one["what"] == "took"]
    _judge_times(findings, case, office, there, ends)
    if case.state in _OPEN:
        _judge_open(evidence, findings, case, chain, bool(there))
        return
    findings.judge("lost", case.name)
    if case.state == "HANDED_OVER":
        for one in ends[:1]:
            findings.judge("true", case.name, *_faults_of_handover(case, office, log, there, one))
        return
    late = any(one["event"] == _LATE for one in chain)
    doubted = late or any(one["outcome"].get("unknown") for one in ends)
    hidden = "the recipient has it, and the receipt says that it was not handed over"
    findings.judge("unknown", case.name, hidden if there and not doubted else None)


def _chain(case: _Case) -> tuple[list[dict[str, Any]], list[str]]:
    """The delivery's receipts in their order, and what is wrong with it."""
    after = defaultdict(list)
    for one in case.receipts:
        after[one.get("predecessor")].append(one)
    chain: list[dict[str, Any]] = []
    faults, last, moment = [], case.root, ""
    while after.get(last):
        following = after.pop(last)
        if len(following) > 1:
            faults.append(f"{len(following)} receipts follow the same one")
        chain.append(following[0])
        last = following[0]["contentDigest"]
        if _moment(following[0]) < (moment or _moment(following[0])):
            faults.append(f"time goes back at {following[0]['kind']}")
        moment = _moment(following[0])
    if len(chain) < len(case.receipts):
        faults.append(f"{len(case.receipts) - len(chain)} receipts do not follow from the acceptance")
    return chain, faults


def _moment(receipt: dict[str, Any]) -> str:
    moment = datetime.fromisoformat(receipt["eventTime"])
    return moment.isoformat(timespec="microseconds")


def _outcomes(chain: Iterable[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """The receipts that are transport outcomes; what an office does with a letter that it has is none."""
    has_it = False
    for one in chain:
        state = (one.get("outcome") or {}).get("state")
        if one["kind"] in ("delivery", "non-delivery"):
            has_it = has_it or one["kind"] == "delivery"
            yield one
        elif one["kind"] == "outcome" and state in _ENDED_BY and one["event"] not in _BESIDE and not has_it:
            yield one


def _faults_of_outcome(case: _Case, states: list[str]) -> Iterator[str]:
    if len(states) > 1:
        yield f"{len(states)} outcomes: {', '.join(states)}"
    elif states and states[0] != case.state:
        yield f"its receipt says {states[0]}, the hub says {case.state}"
    elif not states and case.state not in _OPEN:
        yield f"the hub says {case.state}, and there is no receipt of it"
    moves = [one["state"] for one in case.told["events"] if one["track"] == "transport"]
    if moves[-1:] != [case.state]:
        yield f"its last move is to {moves[-1:]}, the hub says {case.state}"


def _faults_of_handover(
    case: _Case,
    office: dict[str, Any],
    log: list[dict[str, Any]],
    there: list[dict[str, Any]],
    receipt: dict[str, Any],
) -> Iterator[str]:
    handover = receipt["handover"]
    if handover.get("acknowledgedBy"):  # where it lay ready, in the hub's own office or inbox
        if there:
            yield "a reader took it where it lay ready, and the recipient's own system has it too"
        return
    if office["store"] is None:
        yield "nobody acknowledged it"
        return
    if not there:
        yield "the receipt says that it was handed over, and the recipient does not have it"
        return
    if any(case.letter["sha256"] not in one["originals"] for one in there):
        yield "the recipient has another letter"
    told = {one["answer"] for one in log if one.get("answer")}
    if told and handover["answer"]["sha256"] not in told:
        yield "the recipient never gave the answer that the receipt states"


def _judge_times(
    findings: Findings,
    case: _Case,
    office: dict[str, Any],
    there: list[dict[str, Any]],
    ends: list[dict[str, Any]],
) -> None:
    """Judge how often the letter lies with its recipient."""
    if office["tells"] in _TELLS:
        more = f"lies {len(there)} times in a store that can tell" if len(there) > 1 else None
        findings.judge("twice", case.name, more)
    elif len(there) > 1:
        unsaid = sum(not one["duplicate"] for one in there[1:])
        handed = [one["handover"] for one in ends if one["kind"] == "delivery"]
        silent = any(not one.get("possibleDuplicate") for one in handed)
        findings.judge(
            "duplicate",
            case.name,
            f"the store got it {unsaid} times more without being told" if unsaid else None,
            "the receipt does not say that it may be a duplicate" if silent else None,
        )


def _judge_open(
    evidence: Evidence, findings: Findings, case: _Case, chain: list[dict[str, Any]], there: bool
) -> None:
    reason = [one["reason"] for one in case.told["events"] if one["track"] == "transport"][-1]
    expected = [
        one
        for one in evidence.explained
        if one["state"] == case.state and one.get("reason", reason) == reason
    ]
    for one in expected[:1]:
        one["found"] += 1
    lost = None if expected else f"is left {case.state} ({reason}), and nobody expected that"
    findings.judge("lost", case.name, lost)
    seen = evidence.operator.get(case.name, {})
    findings.judge("held", case.name, *_unexplained(case, reason, seen, chain))
    hidden = there and not seen.get("doubt") and case.state in ("HELD", "WAITING")
    findings.judge(
        "unknown", case.name, "the recipient has it, and nobody is told of doubt" if hidden else None
    )


def _unexplained(
    case: _Case, reason: str | None, seen: dict[str, Any], chain: list[dict[str, Any]]
) -> Iterator[str]:
    if not seen:
        yield "the operator does not see it"
    elif case.state == "HELD" and not (reason and seen["held_code"] and seen["until"]):
        yield "is held without reason or deadline"
    elif case.state == "WAITING" and not (reason and case.told["nextAttempt"]):
        yield "waits without reason or time"
    if case.state == "AVAILABLE" and not any(one["kind"] == "availability" for one in chain):
        yield "lies ready, and no receipt says so"


def _judge_stores(evidence: Evidence, findings: Findings, accepted: set[str]) -> None:
    """Judge what lies in stores: all of it was accepted, and it lies where it was sent."""
    where = {
        one["id"]: (name, evidence.offices[one["office"]]["store"])
        for name, status in evidence.letters.items()
        for one in status["deliveries"]
    }
    for store, log in evidence.stores.items():
        for delivery in sorted(one for one, lines in log.items() if any(e["what"] == "took" for e in lines)):
            letter, right = where.get(delivery, (None, None))
            stray = "nobody holds a receipt for it" if letter not in accepted else None
            elsewhere = f"was sent to {right}" if letter in accepted and right != store else None
            findings.judge("refused", f"{delivery} in {store}", stray, elsewhere)


def _delivery(receipt: dict[str, Any]) -> str | None:
    return (receipt.get("recipient") or {}).get("delivery")


def _successor(receipt: dict[str, Any]) -> bool:
    return bool((receipt.get("outcome") or {}).get("successor"))


def judged(folder: Path) -> Findings:
    """The findings over a folder.

    Raises:
        OSError, ValueError: it cannot be judged.
    """
    evidence = read(folder)
    answers = defaultdict(list)
    for one in evidence.answers:
        answers[one["messageId"]].append(one)
    for letter in evidence.sent:
        letter["answers"] = answers[letter["messageId"]]
    for one in evidence.explained:
        one["found"] = 0
    return audit(evidence)


def main(arguments: list[str]) -> int:
    """Print the table; 0, 1 or 2."""
    if len(arguments) != 1:
        print("usage: auditor.py FOLDER", file=sys.stderr)
        return 2
    try:
        findings = judged(Path(arguments[0]))
    except (OSError, ValueError, KeyError, StopIteration, sqlite3.Error) as fault:
        print(f"cannot judge: {type(fault).__name__}: {fault}", file=sys.stderr)
        return 2
    print("\n".join(findings.table()))
    return 1 if findings.faults else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
