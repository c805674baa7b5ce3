"""Nothing that is kept of an exchange holds a secret or a file's content, whatever the other side repeats."""

from __future__ import annotations

import base64
import contextlib
import json
import time
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import pytest

from adapters.contract import Request, Response
from gateway.domain.errors import Ambiguous, Temporary
from gateway.domain.transit.exchange import KEPT_OCTETS, MOST_CALLS, Exchange
from gateway.exchange.transit.exchanges_masking import MASK, FileContent, Mask, without_files
from gateway.exchange.transit.exchanges_tape import Tape

SECRET = 'p<a>"ss&wörd/كلمة'
PDF = b"%PDF-1.7 " + bytes(range(256)) * 40
FILE = FileContent(PDF[:64], len(PDF), "ab" * 32, "plan.pdf")


class Answers:
    """A way out that answers, and takes every body to its end."""

    def __init__(self, answer: Response | Exception) -> None:
        self.answer = answer

    def request(self, method: str, url: str, **more: Any) -> Response:
        body = more["body"]
        if body is not None and not isinstance(body, bytes):
            list(body)
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


def heard(answer: Response | Exception, tape: Tape | None = None, **request: Any) -> Exchange:
    tape = tape or Tape()
    tape.knowing(lambda _: SECRET)("any")
    given = {"headers": None, "body": None, "content_length": None, "identity": None, **request}
    with contextlib.suppress(Ambiguous):
        tape.request(Answers(answer), "POST", "https://x.example/in", **given)
    return tape.exchange((FILE,))


FORMS = {
    "plain": SECRET,
    "base64": base64.b64encode(SECRET.encode()).decode(),
    "url": quote(SECRET, safe=""),
    "json": json.dumps(SECRET),
    "json-utf8": json.dumps(SECRET, ensure_ascii=False),
    "xml": "p&lt;a&gt;&quot;ss&amp;wörd/كلمة",
    "xml-text": 'p&lt;a&gt;"ss&amp;wörd/كلمة',
}


@pytest.mark.parametrize("form", sorted(FORMS))
def test_a_resolved_secret_is_masked_in_every_form_wherever_it_stands(form: str) -> None:
    told = f"before {FORMS[form]} after"
    answer = Response(200, {"x-echo": FORMS["plain"]}, told.encode())
    [call] = heard(answer, body=told.encode(), headers={"X-Wort": SECRET}).calls
    shown = json.dumps(call.__dict__, ensure_ascii=False)
    assert not any(one in shown for one in (SECRET, FORMS[form], "wörd", "w%C3%B6rd"))
    assert call.body == call.answer == f"before {'' if form[:4] != 'json' else chr(34)}{MASK}" \
        f"{'' if form[:4] != 'json' else chr(34)} after"  # fmt: skip


def test_a_header_that_says_who_calls_is_masked_and_so_is_its_echo() -> None:
    token = "Bearer eyJhbGciOiJub25lIn0.e30.abc"
    answer = Response(401, {"set-cookie": "sid=1234", "www-authenticate": "Bearer"}, token[7:].encode())
    [call] = heard(
        answer, headers={"Authorization": token, "X-Api-Key": "k-1", "Idempotency-Key": "i-1"}
    ).calls
    assert call.headers == {"Authorization": MASK, "X-Api-Key": MASK, "Idempotency-Key": "i-1"}
    assert call.answer_headers["set-cookie"] == MASK
    assert call.answer == MASK


@pytest.mark.parametrize(
    "body",
    [
        '{"access_token" : "XYZZY-1", "n": 1}',
        '{"client_secret":"a\\"XYZZY-1"}',
        "grant_type=client_credentials&client_secret=XYZZY-1&scope=a",
        '<wsse:Password Type="x#PasswordText">XYZZY-1</wsse:Password>',
        "<MotDePasse>XYZZY-1</MotDePasse>",
        'Content-Disposition: form-data; name="password"\r\n\r\nXYZZY-1\r\n--b',
    ],
)
def test_what_its_own_name_betrays_is_masked(body: str) -> None:
    assert "XYZZY" not in Mask(()).text(body)
    assert MASK in Mask(()).text(body)


def test_a_secret_in_an_address_is_masked() -> None:
    assert Mask((SECRET,)).url(f"https://x/?q={quote(SECRET)}&token=t-1&n=1").endswith("token=‹masked›&n=1")
    assert "q=‹masked›&" in Mask((SECRET,)).url(f"https://x/?q={quote(SECRET, safe='')}&n=1")


def test_a_short_secret_leaves_other_words_alone() -> None:
    assert Mask(("ab",)).text("ab abc (ab) cab") == f"{MASK} abc ({MASK}) cab"
    assert Mask(("", "  ")).text("a b") == "a b"


def test_contents_of_files_are_replaced_plain_and_in_base64_and_the_rest_stays() -> None:
    marker = FILE.marker
    coded = base64.b64encode(PDF)
    assert without_files(b"<a>" + PDF + b"</a>" + PDF, (FILE,)) == b"<a>" + marker + b"</a>" + marker
    assert without_files(b'{"f":"' + coded + b'","n":1}', (FILE,)) == b'{"f":"' + marker + b'","n":1}'
    lines = base64.encodebytes(PDF)
    assert without_files(b"<f>" + lines + b"</f>", (FILE,)) == b"<f>" + marker + b"</f>"
    assert without_files(PDF[:100], (FILE,)) == marker  # cut off: the rest never left


def test_a_streamed_body_is_heard_at_its_beginning_only() -> None:
    def pieces() -> Iterator[bytes]:
        yield b"--b\r\n\r\n"
        for _ in range(100):
            yield b"x" * 65536

    [call] = heard(Response(200, {}, b"ok"), body=pieces(), content_length=7 + 6553600).calls
    assert call.octets == 7 + 6553600
    assert len(call.body) == KEPT_OCTETS


def test_a_call_without_an_answer_says_why() -> None:
    [call] = heard(Ambiguous("WASL-DLV-004", f"cut {SECRET}")).calls
    assert (call.status, call.answer_octets, call.error) == (None, None, f"WASL-DLV-004 cut {MASK}")


def test_no_more_than_so_many_calls_are_kept() -> None:
    tape = Tape()
    for _ in range(MOST_CALLS + 3):
        exchange = heard(Response(200, {}, b""), tape)
    assert (len(exchange.calls), exchange.more) == (MOST_CALLS, 3)


def test_of_many_steps_the_first_and_the_last_stay() -> None:
    tape = Tape()
    for number in range(MOST_CALLS + 60):
        with tape.step(Request("WRITE", f"/place/{number}", {}, "")):
            pass
    exchange = tape.exchange((FILE,))
    assert [exchange.calls[at].url for at in (0, -1)] == ["/place/0", f"/place/{MOST_CALLS + 59}"]
    assert (len(exchange.calls), exchange.more) == (MOST_CALLS, 60)


def test_a_step_is_kept_without_secrets_and_contents_of_files() -> None:
    tape = Tape()
    tape.knowing({"key": SECRET}.__getitem__)("key")
    headers = {"User": SECRET, "Api-Key": "another-key", "Content-Length": "9"}
    with tape.step(
        Request("LAY", f"telex://x/{SECRET}", headers, f"{SECRET} {PDF[:300].decode('latin-1')}")
    ) as answered:
        answered(f"taken with {SECRET}")
    with contextlib.suppress(ValueError), tape.step(Request("LAY", "telex://x", {}, "")):
        raise ValueError(SECRET)
    with contextlib.suppress(ValueError), tape.step(Request("LAY", "telex://x", {}, "")) as answered:
        answered(f"no room for {SECRET}")
        raise ValueError
    with contextlib.suppress(Temporary), tape.step(Request("LAY", "telex://x", {}, "")):
        raise Temporary("WASL-DLV-001", SECRET)
    first, *failed = tape.exchange((FILE,)).calls
    assert (first.answer, first.status, first.error) == (f"taken with {MASK}", None, None)
    assert first.headers == {"User": MASK, "Api-Key": MASK, "Content-Length": "9"}
    assert [one.error for one in failed] == ["ValueError", f"no room for {MASK}", f"WASL-DLV-001 {MASK}"]
    assert [one.answer for one in failed] == ["", "", ""]
    assert SECRET not in repr(tape.exchange((FILE,)))


def test_a_file_in_a_step_is_replaced() -> None:
    text = "a file of text whose octets nobody may find again " * 3
    file = FileContent(text.encode()[:64], len(text), "ab" * 32, "lettre.txt")
    tape = Tape()
    with tape.step(Request("LAY", "telex://x", {}, f"objet: x\n{text}\nend")):
        pass
    [call] = tape.exchange((file,)).calls
    assert call.body == f"objet: x\n{file.marker.decode()}\nend"


def test_steps_of_any_kind_and_size_are_borne() -> None:
    tape = Tape()
    odd: Any = Request(None, 7, None, b"\xff" * 10)  # type: ignore[arg-type]
    with tape.step(odd) as answered:
        answered(None)  # type: ignore[arg-type]
    with tape.step(Request("W" * 900, "/\ud800" * 9000, {}, "x" * 10**6)) as answered:
        answered("y" * 10**6)
    assert sum(len(call.body) + len(call.told) + len(call.url) for call in tape.calls) < 300_000
    assert len(repr(tape.exchange(()))) < 40_000


def test_nothing_is_kept_of_steps_where_nothing_is_to_be_heard() -> None:
    tape = Tape(hearing=False)
    with tape.step(Request("WRITE", "/place", {}, "")):
        pass
    assert tape.calls == []


HOSTILE = {
    "letters": "a" * 20000,
    "names": '"' + "password" * 2500,
    "brackets": "<a" * 10000,
    "elements": "<Password" * 2000,
    "fields": "token=" * 3000,
    "members": '"token":"' * 2200,
    "parts": 'name="token"\r\nx\r\n' * 900,
    "backslashes": "\\" * 20000,
    "spaces": '"secret" ' + " " * 19000,
}


@pytest.mark.parametrize("hostile", HOSTILE.values(), ids=HOSTILE.keys())
def test_no_answer_makes_masking_slow(hostile: str) -> None:
    began = time.process_time()
    heard(Response(200, {f"x-{n}": "token" * 50 for n in range(90)}, hostile.encode()))
    assert time.process_time() - began < 1
