"""Witnesses watch a real hub over real sockets: its checkpoints, its proofs, its doors."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from werkzeug.serving import make_server

from gateway.bootstrap import evidence
from gateway.cli.witness import witness
from gateway.domain.evidence.merkle import leaf_hash, verify_consistency, verify_inclusion
from gateway.trust.note import read_vkeys, verify_cosignature, verify_note
from gateway.wire.tlog import read_checkpoint, read_hashes, read_note, read_proof
from tests.support.hub import HubUnderTest, make_hub


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> HubUnderTest:
    return make_hub(tmp_path_factory.mktemp("hub"), WASL_LEDGER_CHECKPOINT_SECONDS="1")


@pytest.fixture(scope="module")
def address(hub: HubUnderTest) -> Iterator[str]:
    server = make_server("127.0.0.1", 0, hub.app, threaded=True)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()
    thread.join(10)


def grow(hub: HubUnderTest, letters: int = 1) -> str:
    """Accept letters and let the ledger take them in; the content digest of the last one's receipt."""
    answer = None
    for _ in range(letters):
        answer = hub.post(hub.signed())
    hub.clock.forward(seconds=2)
    evidence.sequencer(hub.gateway).run()
    assert answer is not None
    listed = hub.get(f"{answer.headers['Location']}/receipts").json["receipts"]
    return str(listed[0]["contentDigest"])


def run(*arguments: str) -> Any:
    return CliRunner().invoke(witness, list(arguments))


def make_witness(hub: HubUnderTest, state: Path, name: str) -> None:
    made = run("init", "--state", str(state), "--name", name)
    assert made.exit_code == 0
    folder = hub.gateway.settings.trust.directory / "witnesses"
    folder.mkdir(exist_ok=True)
    (folder / f"{state.name}.vkey").write_text(made.stdout)


def test_two_witnesses_follow_a_growing_ledger(hub: HubUnderTest, address: str, tmp_path: Path) -> None:
    trust = hub.gateway.settings.trust.directory
    key = trust / "ledger" / "ledger.vkey"
    states = [tmp_path / "w1", tmp_path / "w2"]
    for state in states:
        make_witness(hub, state, f"witness.example/{state.name}")
    sizes = []
    for letters in (1, 3):
        grow(hub, letters)
        for state in states:
            found = run(
                "run", "--state", str(state), "--hub", address, "--ledger-key", str(key), "--once", "--submit"
            )
            assert found.exit_code == 0, found.output
        note = read_note(hub.client.get("/ledger/checkpoint").data)
        size = read_checkpoint(note.text).size
        sizes.append(size)
        lines = hub.client.get(f"/ledger/cosignatures/{size}").data
        signatures = read_note(note.text + b"\n" + lines).signatures
        keys = read_vkeys(trust / "witnesses")
        good = {one.name for one in signatures for key_ in keys if verify_cosignature(note.text, one, key_)}
        assert good == {"witness.example/w1", "witness.example/w2"}
    assert sizes[0] < sizes[1]


def test_what_the_doors_give_can_be_verified_by_hand(hub: HubUnderTest) -> None:
    digest = grow(hub)
    proof = read_proof(hub.client.get(f"/ledger/proof/{digest}").data)
    note = read_note(proof.note)
    checkpoint = read_checkpoint(note.text)
    assert verify_note(note, read_vkeys(hub.gateway.settings.trust.directory / "ledger"), checkpoint.origin)
    width = checkpoint.size % 256
    bundle = hub.client.get(f"/ledger/tile/entries/000.p/{width}").data
    entries = []
    while bundle:
        length = int.from_bytes(bundle[:2], "big")
        entries.append(bundle[2 : 2 + length])
        bundle = bundle[2 + length :]
    entry = entries[proof.index]
    assert digest.encode() in entry
    assert verify_inclusion(leaf_hash(entry), proof.index, checkpoint.size, proof.hashes, checkpoint.root)
    hashes = hub.client.get(f"/ledger/tile/0/000.p/{width}").data
    assert hashes == b"".join(map(leaf_hash, entries))
    answer = hub.client.get(f"/ledger/consistency/1/{checkpoint.size}")
    first = leaf_hash(entries[0])
    assert verify_consistency(1, first, checkpoint.size, checkpoint.root, read_hashes(answer.data))


def test_a_receipt_that_waits_for_its_place_is_promised(hub: HubUnderTest) -> None:
    answer = hub.post(hub.signed())
    (listed,) = hub.get(f"{answer.headers['Location']}/receipts").json["receipts"]
    waiting = hub.client.get(listed["proof"])
    assert (waiting.status_code, waiting.json["code"]) == (404, "WASL-REQ-011")
    assert int(waiting.headers["Retry-After"]) > 0


def test_real_and_test_ledgers_are_apart(hub: HubUnderTest) -> None:
    grow(hub)
    tests = hub.client.get("/ledger/test/checkpoint")
    assert tests.status_code == 404
    origin = read_checkpoint(read_note(hub.client.get("/ledger/checkpoint").data).text).origin
    assert origin == hub.gateway.settings.ledger.origin


def test_a_hub_brought_back_from_an_old_copy_is_noticed(
    hub: HubUnderTest, tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    grow(hub)
    key = hub.gateway.settings.trust.directory / "ledger" / "ledger.vkey"
    state = tmp_path / "w"
    assert run("init", "--state", str(state), "--name", "witness.example/w").exit_code == 0
    arguments = ["run", "--state", str(state), "--ledger-key", str(key), "--once"]

    def look(app: Any) -> Any:
        server = make_server("127.0.0.1", 0, app)
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            return run(*arguments, "--hub", f"http://127.0.0.1:{server.server_port}")
        finally:
            server.shutdown()
            server.server_close()
            thread.join(10)

    assert look(hub.app).exit_code == 0
    # another database under the same keys: the hub's home was lost and begun anew
    other = tmp_path_factory.mktemp("other")
    settings = hub.gateway.settings
    again = make_hub(other, clock=hub.clock)
    again.gateway = replace(
        again.gateway,
        settings=replace(again.gateway.settings, keys=settings.keys, trust=settings.trust),
    )
    again.post(again.signed())
    hub.clock.forward(seconds=120)
    evidence.sequencer(again.gateway).run()
    found = look(again.app)
    assert found.exit_code == 1, found.output
    assert "ALARM (smaller)" in found.stderr


def test_a_hub_that_is_not_there_is_trouble(tmp_path: Path, hub: HubUnderTest) -> None:
    state = tmp_path / "w"
    run("init", "--state", str(state), "--name", "witness.example/w")
    key = hub.gateway.settings.trust.directory / "ledger" / "ledger.vkey"
    closed = "http://127.0.0.1:9"
    found = run("run", "--state", str(state), "--hub", closed, "--ledger-key", str(key), "--once")
    assert found.exit_code == 3
