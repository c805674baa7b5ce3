"""The auditor names what is wrong: each way of lying about letters is shown to it once."""

from __future__ import annotations

import base64
import hashlib
import json
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID
from jwcrypto.jwk import JWK
from jwcrypto.jws import JWS

from tests.faults import auditor

SCRIPT = Path(auditor.__file__)
ETSI = "http://uri.etsi.org/19522/Event/"
LETTER = "1" * 64
BEGIN = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)


@dataclass(frozen=True)
class Seal:
    """A key and its certificate."""

    key: ec.EllipticCurvePrivateKey
    certificate: x509.Certificate

    @classmethod
    def make(cls, name: str) -> Seal:
        key = ec.generate_private_key(ec.SECP256R1())
        called = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        now = datetime.now(UTC)
        certificate = (
            x509.CertificateBuilder()
            .subject_name(called)
            .issuer_name(called)
            .public_key(key.public_key())
            .serial_number(1)
            .not_valid_before(now)
            .not_valid_after(now + timedelta(days=1))
            .sign(key, SHA256())
        )
        return cls(key, certificate)

    def seal(self, content: dict[str, Any]) -> bytes:
        jws = JWS(json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=False))
        der = base64.b64encode(self.certificate.public_bytes(Encoding.DER)).decode()
        header = json.dumps({"alg": "ES256", "typ": "wasl-receipt+json", "x5c": [der]})
        jws.add_signature(JWK.from_pyca(self.key), alg="ES256", protected=header)
        return str(jws.serialize(compact=True)).encode()


@cache
def hubs() -> Seal:
    return Seal.make("TEST hub")


@cache
def strangers() -> Seal:
    return Seal.make("TEST stranger")


def with_digest(content: dict[str, Any]) -> dict[str, Any]:
    bare = {name: value for name, value in content.items() if name != "contentDigest"}
    plain = json.dumps(bare, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return {**bare, "contentDigest": hashlib.sha256(plain.encode()).hexdigest()}


@dataclass
class World:
    """What one letter to three systems leaves behind when all goes well; tests then spoil it.

    Attributes:
        chains: the receipts of each delivery in their order; digests and predecessors are made when written.
    """

    acceptance: dict[str, Any]
    chains: dict[str, list[dict[str, Any]]]
    deliveries: dict[str, dict[str, Any]]
    stores: dict[str, list[dict[str, Any]]]
    answers: list[dict[str, Any]] = field(default_factory=lambda: [{"status": 201}, {"status": 200}])
    operator: list[dict[str, Any]] = field(default_factory=list)
    explained: list[dict[str, Any]] = field(default_factory=list)
    after_linking: Callable[[World], None] = lambda _: None
    sealed_by: Callable[[dict[str, Any]], Seal] = lambda _: hubs()
    spoil: Callable[[dict[str, Any], bytes], bytes] = lambda _, octets: octets

    def write(self, folder: Path) -> Path:
        for name in ("octets", "seal", "stores"):
            (folder / name).mkdir(parents=True)
        (folder / "seal" / "hub.pem").write_bytes(hubs().certificate.public_bytes(Encoding.PEM))
        self.acceptance = with_digest(self.acceptance)
        for chain in self.chains.values():
            last = self.acceptance["contentDigest"]
            for at, receipt in enumerate(chain):
                chain[at] = with_digest({**receipt, "predecessor": receipt.get("predecessor", last)})
                last = chain[at]["contentDigest"]
        self.after_linking(self)
        receipts = [self.acceptance, *(one for chain in self.chains.values() for one in chain)]
        fetched = [
            {"messageId": "m-1", "id": one["receiptId"], "mediaType": auditor.COMPACT,
             "octets": self._keep(folder, self._sealed(one))}
            for one in receipts
        ]  # fmt: skip
        held = self._keep(folder, self._sealed(self.acceptance))
        answers = [
            {
                "messageId": "m-1",
                "mediaType": auditor.COMPACT,
                "octets": held if one["status"] else None,
                **one,
            }
            for one in self.answers
        ]
        sent = {
            "messageId": "m-1",
            "sha256": LETTER,
            "mediaType": auditor.COMPACT,
            "offices": ["o-r", "o-f", "o-n"],
        }
        lines = {
            "sent": [sent],
            "answers": answers,
            "letters": [{"messageId": "m-1", "status": {"deliveries": list(self.deliveries.values())}}],
            "receipts": fetched,
            "operator": self.operator,
        }
        for name, found in lines.items():
            (folder / f"{name}.jsonl").write_text("".join(json.dumps(one) + "\n" for one in found))
        for name, log in self.stores.items():
            (folder / "stores" / f"{name}.jsonl").write_text("".join(json.dumps(one) + "\n" for one in log))
        offices = {
            "o-r": {"store": "repeats", "tells": "repeats"},
            "o-f": {"store": "finds", "tells": "finds"},
            "o-n": {"store": "nothing", "tells": "nothing"},
        }
        (folder / "offices.json").write_text(json.dumps(offices))
        (folder / "explained.json").write_text(json.dumps(self.explained))
        return folder

    def _sealed(self, receipt: dict[str, Any]) -> bytes:
        return self.spoil(receipt, _sealed_once(self.sealed_by(receipt), json.dumps(receipt)))

    @staticmethod
    def _keep(folder: Path, octets: bytes) -> str:
        digest = hashlib.sha256(octets).hexdigest()
        (folder / "octets" / digest).write_bytes(octets)
        return digest

    def hold(self, delivery: str, **seen: Any) -> None:
        """Let a delivery be held instead of handed over, explained but for what ``seen`` changes."""
        self.chains[delivery] = []
        moves = ("QUEUED", "DELIVERING", "HELD")
        self.deliveries[delivery] |= {"state": "HELD", "events": [move(one, "WASL-DLV-004") for one in moves]}
        line = {"id": delivery, "held_code": "WASL-DLV-004", "until": "2026-03-09T09:00:00Z", "doubt": True}
        self.operator.append({**line, **seen})
        self.explained.append({"state": "HELD", "reason": "WASL-DLV-004"})


@cache
def _sealed_once(seal: Seal, receipt: str) -> bytes:
    return seal.seal(json.loads(receipt))


def move(state: str, reason: str | None = None) -> dict[str, Any]:
    return {"track": "transport", "state": state, "at": BEGIN.isoformat(), "reason": reason}


def receipt(
    kind: str, event: str, number: int, delivery: str | None = None, **content: Any
) -> dict[str, Any]:
    about = {} if delivery is None else {"recipient": {"delivery": delivery}}
    return {
        "receiptId": f"{kind}-{number}-{delivery}",
        "kind": kind,
        "event": event,
        "eventTime": (BEGIN + timedelta(seconds=number)).isoformat(),
        "messageId": "m-1",
        "received": {"sha256": LETTER},
        **about,
        **content,
    }


def answer_of(delivery: str) -> str:
    return hashlib.sha256(delivery.encode()).hexdigest()


def handover(delivery: str, number: int = 2, **more: Any) -> dict[str, Any]:
    told = {"answer": {"sha256": answer_of(delivery)}, "digestsConfirmed": False, **more}
    return receipt(
        "delivery",
        ETSI + "ContentHandover",
        number,
        delivery,
        handover=told,
        outcome={"state": "HANDED_OVER"},
    )


def failure(delivery: str, number: int = 2, **more: Any) -> dict[str, Any]:
    event = ETSI + "ContentHandoverFailure"
    return receipt("non-delivery", event, number, delivery, outcome={"state": "FAILED", **more})


def took(delivery: str, original: str = LETTER, duplicate: bool = False) -> dict[str, Any]:
    return {"what": "took", "delivery": delivery, "originals": [original], "duplicate": duplicate}


def good() -> World:
    """Everything is as it should be."""
    offices = {"d-r": "o-r", "d-f": "o-f", "d-n": "o-n"}
    recipients = [{"office": office, "delivery": delivery} for delivery, office in offices.items()]
    told = {one: {"what": "told", "delivery": one, "answer": answer_of(one)} for one in offices}
    return World(
        acceptance=receipt("acceptance", ETSI + "SubmissionAcceptance", 1, recipients=recipients),
        chains={
            one: [handover(one), receipt("registration", "urn:wasl:event:Registered", 3, one)]
            for one in offices
        },
        deliveries={
            one: {
                "id": one,
                "office": office,
                "state": "HANDED_OVER",
                "nextAttempt": None,
                "events": [move("QUEUED"), move("DELIVERING"), move("HANDED_OVER")],
            }
            for one, office in offices.items()
        },
        stores={
            "repeats": [took("d-r"), told["d-r"]],
            "finds": [took("d-f"), told["d-f"]],
            "nothing": [took("d-n"), told["d-n"]],
        },
    )


def ended(world: World, delivery: str, state: str) -> None:
    world.deliveries[delivery] |= {
        "state": state,
        "events": [move("QUEUED"), move("DELIVERING"), move(state)],
    }


def lost(world: World) -> None:
    del world.deliveries["d-r"]


def lost_in_the_store(world: World) -> None:
    world.stores["finds"].clear()


def left_lying(world: World) -> None:
    world.chains["d-f"] = []
    world.stores["finds"] = []
    world.operator.append({"id": "d-f"})
    world.deliveries["d-f"] |= {"state": "QUEUED", "events": [move("QUEUED")]}


def doubled(world: World) -> None:
    world.stores["repeats"].append(took("d-r"))


def doubled_untold(world: World) -> None:
    world.stores["nothing"].append(took("d-n"))


def doubled_told_to_the_store_alone(world: World) -> None:
    world.stores["nothing"].append(took("d-n", duplicate=True))


def false_handover(world: World) -> None:
    world.stores["repeats"] = [took("d-r", original="2" * 64), world.stores["repeats"][1]]


def taken_at_the_desk_and_by_the_system(world: World) -> None:
    world.chains["d-r"][0]["handover"]["acknowledgedBy"] = "order-office-1"


def invented_answer(world: World) -> None:
    world.chains["d-r"][0]["handover"]["answer"]["sha256"] = "3" * 64


def false_failure(world: World) -> None:
    world.chains["d-f"] = [failure("d-f")]
    ended(world, "d-f", "FAILED")


def gap(world: World) -> None:
    def cut(linked: World) -> None:
        linked.chains["d-r"] = linked.chains["d-r"][1:]

    world.after_linking = cut


def fork(world: World) -> None:
    def double(linked: World) -> None:
        second = {**linked.chains["d-r"][1], "receiptId": "another"}
        linked.chains["d-r"].append(with_digest(second))

    world.after_linking = double


def time_goes_back(world: World) -> None:
    world.chains["d-r"][1]["eventTime"] = (BEGIN - timedelta(hours=1)).isoformat()


def two_outcomes(world: World) -> None:
    world.chains["d-f"].append(failure("d-f", 4, unknown=True))


def outcome_untold(world: World) -> None:
    world.chains["d-f"] = []


def outcome_of_another_state(world: World) -> None:
    ended(world, "d-f", "EXPIRED")


def held_without_deadline(world: World) -> None:
    world.hold("d-n", until=None)


def held_unexpected(world: World) -> None:
    world.hold("d-n")
    world.explained.clear()


def held_without_doubt(world: World) -> None:
    world.hold("d-n", doubt=False)


def more_held_than_expected(world: World) -> None:
    world.hold("d-n")
    world.explained[0]["most"] = 0


def altered(world: World) -> None:
    def spoil(what: dict[str, Any], octets: bytes) -> bytes:
        if what["kind"] != "registration":
            return octets
        head, payload, seal = octets.split(b".")
        content = json.loads(base64.urlsafe_b64decode(payload + b"=="))
        forged = json.dumps({**content, "kind": "access"}).encode()
        return b".".join([head, base64.urlsafe_b64encode(forged).rstrip(b"="), seal])

    world.spoil = spoil


def another_seal(world: World) -> None:
    world.sealed_by = lambda what: strangers() if what["kind"] == "acceptance" else hubs()


def wrong_digest(world: World) -> None:
    def lie(linked: World) -> None:
        linked.chains["d-r"][1]["contentDigest"] = "4" * 64

    world.after_linking = lie


def acceptance_of_another(world: World) -> None:
    world.acceptance["received"] = {"sha256": "5" * 64}


def acceptance_without_a_recipient(world: World) -> None:
    del world.acceptance["recipients"][2]


def no_receipt(world: World) -> None:
    world.answers = [{"status": 0}]


def refused_and_delivered(world: World) -> None:
    world.answers = [{"status": 422, "mediaType": "application/problem+json", "octets": None}]


def accepted_and_refused(world: World) -> None:
    world.answers.append({"status": 422})


def other_octets_for_the_repeat(world: World) -> None:
    world.answers[1]["octets"] = "6" * 64


def accepted_twice(world: World) -> None:
    world.answers[1]["status"] = 201


def in_the_wrong_store(world: World) -> None:
    world.stores["repeats"].append(took("d-f"))


def from_nowhere(world: World) -> None:
    world.stores["repeats"].append(took("d-x"))


SPOILT: dict[Callable[[World], None], str] = {
    lost: "lost: d-r: the hub does not know",
    lost_in_the_store: "true: d-f: the receipt says that it was handed over, and the recipient does not have",
    left_lying: "lost: d-f: is left QUEUED",
    doubled: "twice: d-r: lies 2 times",
    doubled_untold: "duplicate: d-n: the store got it 1 times more",
    doubled_told_to_the_store_alone: "duplicate: d-n: the receipt does not say",
    false_handover: "true: d-r: the recipient has another letter",
    taken_at_the_desk_and_by_the_system: "true: d-r: a reader took it where it lay ready, and",
    invented_answer: "true: d-r: the recipient never gave the answer",
    false_failure: "unknown: d-f: the recipient has it",
    gap: "chain: d-r: 1 receipts do not follow",
    fork: "chain: d-r: 2 receipts follow the same one",
    time_goes_back: "chain: d-r: time goes back",
    two_outcomes: "outcome: d-f: 2 outcomes: HANDED_OVER, FAILED",
    outcome_untold: "outcome: d-f: the hub says HANDED_OVER, and there is no receipt",
    outcome_of_another_state: "outcome: d-f: its receipt says HANDED_OVER, the hub says EXPIRED",
    held_without_deadline: "held: d-n: is held without reason or deadline",
    held_unexpected: "lost: d-n: is left HELD (WASL-DLV-004), and nobody expected that",
    held_without_doubt: "unknown: d-n: the recipient has it, and nobody is told of doubt",
    more_held_than_expected: "lost: HELD: 1 are open, at most 0",
    altered: "seal: registration-3-d-r: no valid seal",
    another_seal: "seal: acceptance of m-1: sealed by somebody else",
    wrong_digest: "seal: registration-3-d-r: states the digest of other content",
    acceptance_of_another: "acceptance: m-1: the receipt is for another letter",
    acceptance_without_a_recipient: "acceptance: m-1: the receipt names other recipients",
    no_receipt: "acceptance: m-1: the hub says it was accepted, and its sender has no receipt",
    refused_and_delivered: "acceptance: m-1: the hub says it was accepted, and its sender has no receipt",
    accepted_and_refused: "repeats: m-1: was both accepted and refused",
    other_octets_for_the_repeat: "repeats: m-1: 2 different answers",
    accepted_twice: "repeats: m-1: was accepted twice",
    in_the_wrong_store: "refused: d-f in repeats: was sent to finds",
    from_nowhere: "refused: d-x in repeats: nobody holds a receipt for it",
}


def told(folder: Path) -> tuple[int, str]:
    done = subprocess.run(
        [sys.executable, SCRIPT, folder], capture_output=True, text=True, timeout=60, check=False
    )
    return done.returncode, done.stdout + done.stderr


def test_a_folder_where_all_is_well_is_found_good(tmp_path: Path) -> None:
    status, table = told(good().write(tmp_path / "good"))
    assert (status, "WRONG" in table) == (0, False), table
    looked = {line.split()[0]: int(line.split()[1]) for line in table.splitlines()[1:] if line.strip()}
    assert (looked["seal"], looked["chain"], looked["true"], looked["twice"]) == (8, 3, 3, 2)


def test_a_held_letter_that_says_why_and_until_when_is_found_good(tmp_path: Path) -> None:
    world = good()
    world.hold("d-n")
    findings = auditor.judged(world.write(tmp_path / "held"))
    assert findings.faults == []
    assert findings.looked["held"] == 1


def test_a_possible_duplicate_that_is_told_is_found_good(tmp_path: Path) -> None:
    world = good()
    world.stores["nothing"].append(took("d-n", duplicate=True))
    world.chains["d-n"][0] = handover("d-n", possibleDuplicate=True)
    findings = auditor.judged(world.write(tmp_path / "told"))
    assert (findings.faults, findings.looked["duplicate"]) == ([], 1)


def test_a_failure_that_says_unknown_is_found_good_whatever_the_recipient_has(tmp_path: Path) -> None:
    world = good()
    world.chains["d-n"] = [failure("d-n", unknown=True)]
    ended(world, "d-n", "FAILED")
    findings = auditor.judged(world.write(tmp_path / "unknown"))
    assert (findings.faults, findings.looked["unknown"]) == ([], 1)


@pytest.mark.parametrize(("spoil", "named"), SPOILT.items(), ids=[one.__name__ for one in SPOILT])
def test_what_is_wrong_is_named(tmp_path: Path, spoil: Callable[[World], None], named: str) -> None:
    world = good()
    spoil(world)
    findings = auditor.judged(world.write(tmp_path / "spoilt"))
    said = [f"{verdict}: {what}: {fault}" for verdict, what, fault in findings.faults]
    assert any(line.startswith(named) for line in said), said


def test_a_fault_ends_the_script_with_1_and_a_missing_folder_with_2(tmp_path: Path) -> None:
    world = good()
    doubled(world)
    status, table = told(world.write(tmp_path / "spoilt"))
    assert status == 1
    assert "WRONG twice: d-r" in table
    assert told(tmp_path / "nowhere")[0] == 2


def test_the_auditor_knows_nothing_of_the_hub() -> None:
    """It runs where neither gateway nor adapters can be imported."""
    program = (
        "import sys; sys.modules['gateway'] = sys.modules['adapters'] = None;"
        f"sys.path.insert(0, {str(SCRIPT.parent)!r}); import auditor; print(len(auditor.VERDICTS))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=False, cwd="/"
    )
    assert (done.returncode, done.stdout.strip()) == (0, "12"), done.stderr


def test_a_seal_over_xml_is_checked_too() -> None:
    """The hub's own receipt in XML is good; the same with a letter changed, or a seal of its own, is not."""
    from tempfile import TemporaryDirectory

    from tests.support.hub import XML, make_hub  # the hub that is judged, not the judge
    from tests.support.systems import ROUTES, Simulator

    with TemporaryDirectory() as folder:
        hub = make_hub(Path(folder), ROUTES, {"simulator": Simulator()})
        octets = hub.post(hub.signed()).data
        [seal, *_] = x509.load_pem_x509_certificates(
            (Path(folder) / "certificates/hub-seal.pem").read_bytes()
        )
        hub.gateway.store.engine.dispose()
    known = {seal.public_bytes(Encoding.DER): seal.public_key()}
    assert auditor.content_of(octets, XML, known)["kind"] == "acceptance"
    for spoilt in (
        octets.replace(b"DEMONSTRATION", b"demonstration", 1),
        octets.replace(b"acceptance", b"rejection"),
    ):
        with pytest.raises(auditor.NotSealed):
            auditor.content_of(spoilt, XML, known)
    with pytest.raises(auditor.NotSealed):
        auditor.content_of(octets, XML, {})
