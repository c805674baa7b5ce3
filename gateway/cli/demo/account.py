"""The written account of the story: which file is what, and how anybody verifies it without the hub."""

from __future__ import annotations

import shlex
from collections.abc import Iterable
from pathlib import Path

from gateway.cli.demo.judges import xmlsec1_command
from gateway.cli.demo.story import Told, sentence

_KINDS = {
    "acceptance": "the hub accepted the letter under its reference",
    "rejection": "the hub refused the letter, and why",
    "availability": "the letter lies where the office can take it",
    "delivery": "the office's own system took the letter, and what it answered",
    "registration": "the office's register number and date, as that office states them",
    "non-delivery": "the letter could not be handed over, and why",
}


def write_account(folder: Path, told: Iterable[Told]) -> Path:
    """Write ``STORY.md`` beside the files it explains; its path."""
    lines = [
        "# What just happened",
        "",
        "Everything here is a DEMONSTRATION between fictitious bodies; nothing has legal effect.",
        "",
    ]
    for letter in told:
        lines += _letter(letter)
    lines += _how_to_verify(folder, sorted({name for letter in told for name in letter.files}))
    path = folder / "STORY.md"
    path.write_text("\n".join(lines) + "\n", "utf-8")
    return path


def _letter(told: Told) -> list[str]:
    lines = [f"## Letter {told.draft.number:02d}: {told.draft.title}", ""]
    lines += [f"Subject: {told.draft.envelope.subject}", ""]
    if told.reference:
        lines += [f"Accepted under the reference **{told.reference}**.", ""]
    lines += [f"- {sentence(delivery)}" for delivery in told.deliveries]
    lines += [f"- refused: {problem}" for problem in told.problems]
    lines += ["", "| file | what it is |", "| --- | --- |"]
    lines += [f"| `{name}` | {_what(name)} |" for name in told.files]
    return [*lines, ""]


def _what(name: str) -> str:
    if "-receipt-" not in name:
        return "the letter exactly as its sender signed and sent it"
    rest = name.rpartition("-receipt-")[2].partition(".")[0]
    kind = next((kind for kind in _KINDS if rest.startswith(kind)), rest)
    office = rest.removeprefix(kind).strip("-")
    repeated = " (the answer to the repeat: identical to the first)" if "-repeat-" in name else ""
    return _KINDS.get(kind, kind) + (f" (office of the {office})" if office else "") + repeated


def _how_to_verify(folder: Path, names: list[str]) -> list[str]:
    receipts = [name for name in names if "-receipt-" in name]
    xml = next((name for name in receipts if name.endswith(".xml")), None)
    jws = next((name for name in receipts if name.endswith(".jws")), None)
    lines = [
        "## How to verify without the hub",
        "",
        "`trust/` holds what a verifier trusts: `seal/` the authorities of the hub's seal, `parties/` those",
        "of the senders, `ledger/` and `tsa/` those that later evidence needs. No network is used.",
        'Until receipts are recorded in the ledger, inclusion says "not yet recorded".',
        "",
    ]
    if receipts:
        command = ["wasl", "verify", f"{folder / receipts[0]}", "--trust", f"{folder / 'trust'}"]
        lines += ["With this project:", "", *_block(shlex.join(command))]
    if xml:
        command = xmlsec1_command(folder / xml, folder / "trust")
        lines += ["An XML receipt with xmlsec1 (package `xmlsec1`):", "", *_block(shlex.join(command))]
    if jws:
        lines += [
            "A JSON receipt with jwcrypto (Python), another JOSE library:",
            "",
            *_block(_jose(folder, jws)),
        ]
    lines += [
        "Change one byte of a receipt's signed content and each of these commands refuses it.",
        "",
    ]
    return lines


def _jose(folder: Path, name: str) -> str:
    return f"""python3 - <<'END'
import base64, pathlib
from cryptography import x509
from jwcrypto import jwk, jws
token = jws.JWS()
token.deserialize(pathlib.Path({str(folder / name)!r}).read_text())
leaf = x509.load_der_x509_certificate(base64.b64decode(token.jose_header["x5c"][0]))
seal = pathlib.Path({str(folder / "trust" / "seal")!r})
anchors = [x509.load_pem_x509_certificate(path.read_bytes()) for path in seal.glob("*.pem")]
assert [one for one in anchors if one.subject == leaf.issuer and not leaf.verify_directly_issued_by(one)]
token.verify(jwk.JWK.from_pyca(leaf.public_key()))
print(token.payload.decode())
END"""


def _block(command: str) -> list[str]:
    return ["```sh", command, "```", ""]
