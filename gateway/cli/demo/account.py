"""The written account of the story: which file is what, and how anybody verifies it without the hub."""

from __future__ import annotations

import shlex
from collections.abc import Iterable
from pathlib import Path

from gateway.cli.demo.judges import PROOF, TOKEN, xmlsec1_command
from gateway.cli.demo.story import Told, sentence

_KINDS = {
    "acceptance": "the hub accepted the letter under its reference",
    "rejection": "the hub refused the letter, and why",
    "availability": "the letter lies where the office can take it",
    "delivery": "the office's own system took the letter, and what it answered",
    "registration": "the office's register number and date, as that office states them",
    "time-limit": "which legal time limit applies to the delivery, or that none is known",
    "non-delivery": "the letter could not be handed over, and why",
}
_BESIDE = {
    "tlog-proof": "that the receipt has its place in the ledger, under a signed checkpoint",
    "tsr": "an independent time-stamp over that checkpoint",
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
    if name.endswith(".asice"):
        return "everything about the letter in one sealed file, for an archive or a court"
    if "-receipt-" not in name:
        return "the letter exactly as its sender signed and sent it"
    rest, _, ending = name.rpartition("-receipt-")[2].partition(".")
    if ending in _BESIDE:
        return _BESIDE[ending]
    long_term = rest.endswith("-long-term")
    rest = rest.removesuffix("-long-term")
    kind = next((kind for kind in _KINDS if rest.startswith(kind)), rest)
    office = rest.removeprefix(kind).strip("-")
    said = _KINDS.get(kind, kind) + (f" (office of the {office})" if office else "")
    said += " (the answer to the repeat: identical to the first)" if "-repeat-" in name else ""
    said += " (for people: one page, sealed, with the first form inside)" if ending == "pdf" else ""
    return said + (" (with an independent time-stamp over the seal)" if long_term else "")


def _how_to_verify(folder: Path, names: list[str]) -> list[str]:
    lines = [
        "## How to verify without the hub",
        "",
        "`trust/` holds what a verifier trusts: `seal/` the authorities of the hub's seal, `parties/` those",
        "of the senders, `ledger/` the ledger's keys, `tsa/` the time-stamp authorities. No network is used.",
        "A receipt's proof and time-stamp lie beside it and are read by themselves.",
        "",
    ]
    for title, ending, command in _COMMANDS:
        found = next((name for name in names if name.endswith(ending)), None)
        if found is not None:
            lines += [title, "", *_block(command(folder, found))]
    lines += [
        "Change one byte of what is signed and each of these commands refuses it.",
        "",
    ]
    return lines


def _wasl(folder: Path, name: str) -> str:
    return shlex.join(["wasl", "verify", str(folder / name), "--trust", str(folder / "trust")])


def _xmlsec1(folder: Path, name: str) -> str:
    return shlex.join(xmlsec1_command(folder / name, folder / "trust"))


def _pdfsig(folder: Path, name: str) -> str:
    file = shlex.quote(str(folder / name))
    return f"pdfsig -nocert {file} | grep -q 'Signature is Valid'"


def _openssl_ts(folder: Path, name: str) -> str:
    proof, token = (shlex.quote(str((folder / name).with_suffix(ending))) for ending in (PROOF, TOKEN))
    anchor = shlex.quote(str(folder / "trust" / "tsa" / "tsa-ca.pem"))
    return f"""note=$(mktemp)
sed '1,/^$/d' {proof} >"$note"
openssl ts -verify -data "$note" -in {token} -CAfile {anchor}"""


def _openssl_cms(folder: Path, name: str) -> str:
    bundle, anchor = (shlex.quote(str(path)) for path in (folder / name, folder / "trust/seal/seal-ca.pem"))
    return f"""opened=$(mktemp -d)
python3 -m zipfile -e {bundle} "$opened"
cd "$opened/META-INF"
openssl cms -verify -binary -inform DER -purpose any -CAfile {anchor} \\
    -in signature001.p7s -content ASiCManifest001.xml -out /dev/null"""


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


_COMMANDS = (
    ("With this project:", "-receipt-acceptance.xml", _wasl),
    ("Everything about a letter at once:", ".asice", _wasl),
    ("An XML receipt with xmlsec1 (package `xmlsec1`):", "-receipt-acceptance.xml", _xmlsec1),
    ("A JSON receipt with jwcrypto (Python), another JOSE library:", "-receipt-acceptance.jws", _jose),
    ("A PDF receipt with pdfsig (package `poppler-utils`):", "-receipt-acceptance.pdf", _pdfsig),
    ("The time-stamp with openssl, over the checkpoint that ends the proof:", ".tsr", _openssl_ts),
    ("The bundle's seal over its manifest, with openssl:", ".asice", _openssl_cms),
)
"""What to say, the file it is shown on, and the command: each an independent program but the first two."""
