"""Good receipts beside proofs that are not theirs, or checkpoints that their ledger never signed."""

from __future__ import annotations

from typing import Any

from tests.assets import rawledger as rl
from tests.assets.evidence_bench import ORIGIN, TEST_ORIGIN, WITNESS, EvidenceBench, Exhibit, Exhibits


def cases(bench: EvidenceBench) -> Exhibits:
    """Every case of this kind."""
    good = bench.good("ledger-good")
    yield good
    yield good.but("ledger-none", proof=None, token=None)
    yield good.but("ledger-proof-alone", token=None)
    yield good.but("ledger-token-alone", proof=None)
    yield from _whose(bench, good)
    yield from _places(bench, good)
    yield from _notes(bench, good)
    yield from _texts(bench, good)
    yield from _witnesses(bench, good)


def _beside(
    bench: EvidenceBench, good: Exhibit, name: str, log: rl.Log, index: int = 3, **how: Any
) -> Exhibit:
    """The receipt with a place in ``log``, whose checkpoint the authority has stamped."""
    note = how.pop("note", None) or log.note()
    return good.but(f"ledger-{name}", proof=log.proof(index, note, **how), token=bench.stamp(note))


def _whose(bench: EvidenceBench, good: Exhibit) -> Exhibits:
    """Logs that are well made, every signature good under its own key, and not the receipt's ledger."""
    content = bench.content()
    around = {
        "own-key-same-origin": {"holder": "stranger"},
        "own-key-other-origin": {"holder": "stranger", "origin": "stranger.example/ledger"},
        "same-key-other-origin": {"origin": "demo-hub.test/ledger2"},
        "same-key-longer-origin": {"origin": f"{ORIGIN}/2030"},
        "same-key-generation-zero": {"origin": f"{ORIGIN}/0"},
        "same-key-unlisted-generation": {"origin": f"{ORIGIN}/2"},
        "same-key-spaced-origin": {"origin": f"{ORIGIN} "},
        "test-ledger": {"origin": TEST_ORIGIN, "holder": "test-ledger"},
        "test-key-real-origin": {"holder": "test-ledger"},
        "real-key-test-origin": {"origin": TEST_ORIGIN},
    }
    for name, changes in around.items():
        yield _beside(bench, good, f"of-{name}", bench.around(content, **changes))
    named_other = rl.Log(ORIGIN, bench.more["stranger"], bench.around(content).entries, signs_as="x.example")
    yield _beside(bench, good, "of-origin-signed-under-other-name", named_other)
    test = bench.good("", holder="test-seal", test=True)
    real = bench.around(bench.content(test=True), origin=ORIGIN, holder="ledger")
    yield _beside(bench, test, "test-receipt-in-real-ledger", real)


def _places(bench: EvidenceBench, good: Exhibit) -> Exhibits:
    content, other = bench.content(), bench.other()
    log = bench.around(content)
    leaves = log.leaves
    path = rl.path(3, leaves)
    for index in (0, 2, 4, 6, 7, 10**17):
        yield _beside(bench, good, f"index-{index}", log, index, hashes=path)
    hashes = {
        "truncated": path[:-1],
        "none": [],
        "longer": [*path, rl.leaf(b"x")],
        "doubled": [path[0], *path],
        "turned": path[::-1],
        "leaf-among-them": [leaves[3], *path],
        "zero": [bytes(32)] * len(path),
    }
    for name, found in hashes.items():
        yield _beside(bench, good, f"path-{name}", log, hashes=found)
    yield _beside(bench, good, "of-other-receipt", bench.around(other))
    yield good.but("ledger-proof-of-other-receipt-token-of-mine", proof=bench.around(other).proof(3))
    # The same leaf in two trees of one ledger: a path of one, the checkpoint of the other.
    longer = bench.log(*log.entries, b"entry 7", b"entry 8")
    yield _beside(bench, good, "good-in-longer-tree", longer)
    yield _beside(bench, good, "path-of-longer-tree", log, hashes=rl.path(3, longer.leaves))
    yield _beside(bench, good, "note-of-longer-tree", log, note=longer.note())
    forked = bench.log(b"another beginning", *log.entries[1:])
    yield _beside(bench, good, "path-of-forked-tree", forked, hashes=path)
    # Whoever has the ledger's key and a stamp can show each reader a tree of his own.
    yield _beside(bench, good, "fork-shown-to-one", bench.log(content.entry), 0)
    fake = log.text(size=4, head=rl.root(leaves))
    yield _beside(bench, good, "smaller-size-same-root", log, note=log.note(fake))
    yield _beside(
        bench, good, "larger-size-same-root", log, note=log.note(log.text(size=99, head=rl.root(leaves)))
    )
    raw_leaf = rl.Log(ORIGIN, log.key, (b"\0" + content.entry,))
    yield _beside(bench, good, "entry-hashed-as-it-is", raw_leaf, 0)
    digest_only = bench.log(bytes.fromhex(content.members["contentDigest"]))
    yield _beside(bench, good, "entry-of-the-digest-alone", digest_only, 0)
    unsalted = rl.entry({name: content.members[name] for name in ("contentDigest", "nonce")})
    yield _beside(bench, good, "entry-without-the-letter", bench.log(unsalted), 0)
    purge = content.entry.replace(b'"receipt"', b'"purge"')
    yield _beside(bench, good, "entry-of-a-purge", bench.log(purge), 0)


def _notes(bench: EvidenceBench, good: Exhibit) -> Exhibits:
    log = bench.around(bench.content())
    text, note = log.text(), log.note()
    signature = note[len(text) + 1 :]
    name, _, encoded = signature.decode().removeprefix("— ").strip().partition(" ")
    flipped = encoded[:20] + ("A" if encoded[20] != "A" else "B") + encoded[21:]
    stranger = rl.line("stranger.example", bench.more["stranger"], text)
    notes = {
        "edited-root": log.text(head=rl.leaf(b"x")) + b"\n" + signature,
        "edited-size": log.text(size=8, head=rl.root(log.leaves)) + b"\n" + signature,
        "smaller-size": log.text(size=4) + b"\n" + signature,
        "extension": log.note(log.text(more="extension\n")),
        "extension-empty": log.note(log.text(more="\n")),
        "unsigned": text + b"\n",
        "flipped-beside-good": note + f"— {name} {flipped}\n".encode(),
        "good-behind-flipped": text + b"\n" + f"— {name} {flipped}\n".encode() + signature,
        "signed-by-others-only": text + b"\n" + stranger,
        "signature-flipped": text + b"\n" + f"— {name} {flipped}\n".encode(),
        "signature-cut": note[:-9] + b"\n",
        "signature-of-other-name": text + b"\n" + signature.replace(name.encode(), b"demo-hub.test/ledger/3"),
        "hyphen-for-dash": note.replace("—".encode(), b"-"),
        "no-blank-line": note.replace(b"\n\n", b"\n"),
        "text-twice": text + note,
        "crlf": note.replace(b"\n", b"\r\n"),
        "leading-zero": log.note(text.replace(b"\n7\n", b"\n07\n")),
        "plus-sign": log.note(text.replace(b"\n7\n", b"\n+7\n")),
        "arabic-digit": log.note(text.replace(b"\n7\n", "\n٧\n".encode())),
        "negative": log.note(text.replace(b"\n7\n", b"\n-7\n")),
        "key-of-a-witness": text + b"\n" + rl.line(ORIGIN, bench.more["witness"], text),
    }
    for case, octets in notes.items():
        yield _beside(bench, good, f"note-{case}", log, note=octets)
    beside = {"stranger": note + stranger, "stranger-first": text + b"\n" + stranger + signature}
    for case, octets in beside.items():
        yield _beside(bench, good, f"note-good-with-{case}", log, note=octets)


def _texts(bench: EvidenceBench, good: Exhibit) -> Exhibits:
    log = bench.around(bench.content())
    path, note = rl.path(3, log.leaves), log.note()
    proof = log.proof(3)
    texts = {
        "version": proof.replace(b"proof@v1", b"proof@v2"),
        "truncated": proof[: proof.index(b"\n\n") - 20] + proof[proof.index(b"\n\n") :],
        "cut-in-note": proof[: len(proof) // 2],
        "empty": b"",
        "index-twice": proof.replace(b"index 3\n", b"index 3\nindex 3\n"),
        "index-octal": rl.proof("03", path, note),
        "index-spaced": rl.proof(" 3", path, note),
        "index-float": rl.proof("3.0", path, note),
        "base64-trailing-bits": _loose(proof),
        "json": b'{"index": 3}',
        "note-alone": note,
    }
    for case, octets in texts.items():
        yield good.but(f"ledger-text-{case}", proof=octets)
    yield good.but("ledger-text-good-with-extra", proof=rl.proof(3, path, note, extra="extra AAAA"))


def _loose(proof: bytes) -> bytes:
    """The first hash with other unused bits at its end: the same octets for a careless reader."""
    at = proof.index(b"=")
    return proof[: at - 1] + bytes([proof[at - 1] + 1]) + proof[at:]


def _witnesses(bench: EvidenceBench, good: Exhibit) -> Exhibits:
    log = bench.around(bench.content())
    seconds = int(bench.stamped_at.timestamp())
    key, other = bench.more["witness"], bench.more["stranger"]
    seen = rl.cosignature(WITNESS, key, log.text(), seconds)
    forked = bench.log(b"another beginning", *log.entries[1:]).text()
    lines = {
        "good": seen,
        "good-unknown": rl.cosignature("who.example", other, log.text(), seconds),
        "other-key": rl.cosignature(WITNESS, other, log.text(), seconds),
        "over-a-fork": rl.cosignature(WITNESS, key, forked, seconds),
        "not-a-line": b"seen and approved\n",
        "another-note": b"\n\n" + seen,
        "huge": seen * 900,
    }
    for case, octets in lines.items():
        yield good.but(f"ledger-witness-{case}", cosignatures=octets)
