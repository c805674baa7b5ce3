"""The SOAP kind, against answers written beforehand."""

from __future__ import annotations

import base64
import logging
import tomllib
from dataclasses import fields, replace
from datetime import date as Day
from datetime import timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from lxml import etree

from adapters.contract import Context, Finds, Previews, Probes, Response
from adapters.soap import SoapAdapter
from adapters.soap_answer import NoSoapError, SoapFault, read_answer
from adapters.soap_options import Service, SoapRoute
from gateway.domain.errors import Ambiguous, DeliveryError, Permanent, Temporary
from tests.unit.adapters.doubles import NOW, ORIGINAL, PLAN, attachment, context, envelope, letter, said, sent

FOLDER = Path(__file__).parents[3] / "examples/systems/courrier_soap"
ROUTE = tomllib.loads((FOLDER / "route.toml").read_text("utf-8"))
ENDPOINT = "http://127.0.0.1:8301/courrier"
WSDL_TEXT = (FOLDER / "courrier.wsdl").read_text("utf-8").replace("{adresse}", ENDPOINT)
WSDL = said(200, WSDL_TEXT.encode(), "text/xml")
URN = "{urn:demonstration:courrier-arrivee:v1}"
BROKEN = Ambiguous("WASL-DLV-004", "cut")
NO_CONNECTION = Temporary("WASL-DLV-001", "refused")
SOAP_11 = "http://schemas.xmlsoap.org/soap/envelope/"
SOAP_12 = "http://www.w3.org/2003/05/soap-envelope"


def soap(content: str, status: int = 200, version: str = SOAP_11) -> Response:
    octets = f'<e:Envelope xmlns:e="{version}"><e:Body>{content}</e:Body></e:Envelope>'.encode()
    return said(status, octets, "text/xml; charset=utf-8")


def registered(digests: str = "") -> Response:
    return soap(
        '<r xmlns="urn:demonstration:courrier-arrivee:v1"><NumeroOrdre>2026/000123</NumeroOrdre>'
        "<DateEnregistrement>2026-07-27</DateEnregistrement><Registre>Courrier arrivée</Registre>"
        f"<Accuse><Code>RECU</Code><Libelle>ok</Libelle>{digests}</Accuse></r>"
    )


def found(count: int) -> Response:
    entry = "<Courrier><NumeroOrdre>2026/00{0}</NumeroOrdre></Courrier>"
    entries = "".join(entry.format(at) for at in range(count))
    return soap(f"<r><NombreTrouve>{count}</NombreTrouve>{entries}</r>")


def refused(code: str, detail: str = "", text: str = "non", status: int = 500) -> Response:
    inside = f"<faultcode>e:{code}</faultcode><faultstring>{text}</faultstring>"
    return soap(
        f"<e:Fault>{inside}<detail><x><CodeErreur>{detail}</CodeErreur></x></detail></e:Fault>", status
    )


def refused_12(code: str, sub: str, status: int = 500) -> Response:
    codes = f"<e:Code><e:Value>e:{code}</e:Value><e:Subcode><e:Value>x:{sub}</e:Value></e:Subcode></e:Code>"
    reason = '<e:Reason><e:Text xml:lang="fr">non</e:Text></e:Reason><e:Detail><a>b</a></e:Detail>'
    return soap(f"<e:Fault>{codes}{reason}</e:Fault>", status, SOAP_12)


def using(*answers: Response | Exception, **changes: Any) -> Context:
    """A context whose first answer is the WSDL."""
    return context({**ROUTE, **changes}, WSDL, *answers)


def fault(used: Context) -> DeliveryError:
    with pytest.raises(DeliveryError) as caught:
        SoapAdapter().deliver(letter(), used)
    return caught.value


def test_kind_offers_every_optional_protocol() -> None:
    adapter = SoapAdapter()
    assert isinstance(adapter, Finds)
    assert isinstance(adapter, Previews)
    assert isinstance(adapter, Probes)


def test_letter_is_mapped_into_the_services_own_operation() -> None:
    used = using(registered())
    done = SoapAdapter().deliver(letter(), used)
    assert (done.register_number, done.register_date) == ("2026/000123", Day(2026, 7, 27))
    assert (done.register_book, done.answer_media_type) == ("Courrier arrivée", "text/xml")
    wsdl, call = sent(used)
    assert (wsdl.method, wsdl.url) == ("GET", ROUTE["wsdl_url"])
    assert (call.method, call.url) == ("POST", ENDPOINT)
    assert call.headers["Content-Type"] == "text/xml; charset=utf-8"
    assert "EnregistrerCourrier" in call.headers["SOAPAction"]
    request = etree.fromstring(call.body).find(f".//{URN}EnregistrerCourrier")
    assert request is not None
    assert request.findtext(f"{URN}Objet") == letter().envelope.subject
    assert request.findtext(f"{URN}IdentifiantExterne") == letter().delivery_id
    assert request.findtext(f"{URN}Urgent") == "false"
    assert request.findtext(f"{URN}DateDocument") == "2026-07-27"
    contents = [element.text or "" for element in request.iter(f"{URN}Contenu")]
    assert [base64.b64decode(content) for content in contents] == [PLAN, ORIGINAL]


def test_digests_that_the_service_computed_are_compared() -> None:
    [attached] = letter().envelope.attachments
    right = f"<EmpreinteRecue>{attached.sha256.upper()}</EmpreinteRecue>"
    other = f"<EmpreinteRecue>{'0' * 64}</EmpreinteRecue>"
    assert SoapAdapter().deliver(letter(), using(registered(right))).digests_confirmed
    assert SoapAdapter().deliver(letter(), using(registered(right + other))).digests_confirmed
    assert not SoapAdapter().deliver(letter(), using(registered(other))).digests_confirmed


def test_letter_without_attachments_confirms_no_digests() -> None:
    bare = letter(envelope=envelope(attachments=()))
    assert not SoapAdapter().deliver(bare, using(registered())).digests_confirmed


def test_wsdl_is_fetched_once_an_hour_and_parsed_only_when_it_changed() -> None:
    adapter = SoapAdapter()
    first = using(registered())
    adapter.deliver(letter(), first)
    later = replace(using(registered()), now=lambda: NOW + timedelta(minutes=59))
    later.http.answers.pop(0)  # type: ignore[attr-defined]
    adapter.deliver(letter(), later)
    assert [call.method for call in sent(later)] == ["POST"]
    next_day = replace(using(registered()), now=lambda: NOW + timedelta(days=1))
    adapter.deliver(letter(), next_day)
    assert [call.method for call in sent(next_day)] == ["GET", "POST"]


def test_clock_that_went_back_does_not_keep_a_wsdl_for_ever() -> None:
    adapter = SoapAdapter()
    adapter.deliver(letter(), using(registered()))
    before = replace(using(registered()), now=lambda: NOW - timedelta(days=1))
    adapter.deliver(letter(), before)
    assert len(sent(before)) == 2


@pytest.mark.parametrize(
    ("answer", "kind", "code"),
    [
        (said(500), Temporary, "WASL-DLV-002"),
        (said(404), Permanent, "WASL-DLV-003"),
        (said(200, b"<html>", "text/html"), Temporary, "WASL-DLV-008"),
        (said(200, b"<a/>"), Temporary, "WASL-DLV-008"),
        (BROKEN, Temporary, "WASL-DLV-004"),
        (NO_CONNECTION, Temporary, "WASL-DLV-001"),
        (Permanent("WASL-DLV-006"), Permanent, "WASL-DLV-006"),
    ],
)
def test_wsdl_that_cannot_be_had_is_never_ambiguous(answer: Any, kind: type, code: str) -> None:
    found = fault(context(ROUTE, answer))
    assert (type(found), found.code) == (kind, code)


@pytest.mark.parametrize(
    "change",
    [
        '<xsd:import namespace="urn:x" schemaLocation="http://169.254.169.254/x.xsd"/>',
        '<xsd:import namespace="urn:x" schemaLocation="file:///etc/hostname"/>',
        '<xsd:import namespace="urn:x" schemaLocation="other.xsd"/>',
        '<xsd:include schemaLocation="ftp://inside/x.xsd"/>',
    ],
)
def test_wsdl_that_imports_is_refused_and_nothing_is_fetched(change: str) -> None:
    hostile = WSDL_TEXT.replace('<xsd:simpleType name="Ligne">', f'{change}<xsd:simpleType name="Ligne">')
    used = context(ROUTE, said(200, hostile.encode()))
    found = fault(used)
    assert (type(found), found.code) == (Permanent, "WASL-DLV-006")
    assert len(sent(used)) == 1


def test_wsdl_with_a_dtd_is_refused() -> None:
    hostile = WSDL_TEXT.replace("<wsdl:definitions", '<!DOCTYPE x [<!ENTITY a "b">]><wsdl:definitions', 1)
    assert type(fault(context(ROUTE, said(200, hostile.encode())))) is Temporary


def test_wsdl_may_be_pinned() -> None:
    pin = sha256(WSDL_TEXT.encode()).hexdigest()
    assert SoapAdapter().deliver(letter(), using(registered(), wsdl_sha256=pin)).register_number
    assert fault(using(wsdl_sha256="0" * 64)).code == "WASL-DLV-006"


def test_wsdl_may_stand_in_the_options() -> None:
    options = {name: value for name, value in ROUTE.items() if name != "wsdl_url"}
    used = context({**options, "wsdl": WSDL_TEXT.partition("?>")[2], "endpoint": ENDPOINT}, registered())
    assert SoapAdapter().deliver(letter(), used).register_number == "2026/000123"


def test_wsdl_that_sends_elsewhere_needs_the_operators_word() -> None:
    elsewhere = said(200, WSDL_TEXT.replace("127.0.0.1:8301", "elsewhere.example").encode())
    assert fault(context(ROUTE, elsewhere)).code == "WASL-DLV-006"
    used = context({**ROUTE, "endpoint": ENDPOINT}, elsewhere, registered())
    SoapAdapter().deliver(letter(), used)
    assert sent(used)[1].url == ENDPOINT


@pytest.mark.parametrize("changes", [{"operation": "Autre"}, {"service": "Autre"}, {"port": "Autre"}])
def test_name_that_the_wsdl_lacks_waits_for_an_operator(changes: dict[str, str]) -> None:
    found = fault(using(**changes))
    assert (type(found), found.code) == (Temporary, "WASL-DLV-007")


@pytest.mark.parametrize(
    "request_",
    [
        {"Inconnu": "'x'"},
        {"Objet": "`{}`", "PiecesJointes": "'x'"},
        {"PiecesJointes": {"PieceJointe": "`7`"}},
    ],
)
def test_request_that_does_not_fit_the_wsdl_is_permanent_and_tells_no_content(request_: Any) -> None:
    used = using(request=request_)
    found = fault(used)
    assert (type(found), found.code) == (Permanent, "WASL-DLV-074")
    assert "EnregistrerCourrier" in found.detail
    assert len(sent(used)) == 1


def test_files_over_the_limit_are_never_sent() -> None:
    used = using(max_bytes=len(PLAN) - 1)
    assert fault(used).code == "WASL-DLV-017"
    assert len(sent(used)) == 1
    # The limit is one of attachments: the original beside them does not count.
    assert SoapAdapter().deliver(letter(), using(registered(), max_bytes=len(PLAN))).register_number


@pytest.mark.parametrize("status", [200, 500])
@pytest.mark.parametrize(
    ("code", "detail", "kind"),
    [
        ("Server", "INDISPONIBLE", Temporary),
        ("Client", "NATURE_INCONNUE", Permanent),
        ("Client", "OTHER", Permanent),
        ("Client.Data", "OTHER", Permanent),
        ("Server", "OTHER", Ambiguous),
    ],
)
def test_fault_is_told_by_its_table_whatever_the_status(
    status: int, code: str, detail: str, kind: type
) -> None:
    found = fault(using(refused(code, detail, status=status)))
    assert (type(found), found.code) == (kind, "WASL-DLV-005")
    assert detail in found.detail
    if detail == "INDISPONIBLE":
        assert isinstance(found, Temporary)
        assert found.retry_after == 5


def test_fault_under_a_status_that_says_wait_is_temporary() -> None:
    assert fault(using(refused("Server", "?", status=503))).code == "WASL-DLV-002"


@pytest.mark.parametrize(
    ("rule", "answer", "kind"),
    [
        ({"code": "Busy", "outcome": "temporary"}, refused_12("Receiver", "Busy"), Temporary),
        ({"code": "Bus", "outcome": "temporary"}, refused_12("Receiver", "Busy"), Ambiguous),
        ({"code": "Bus", "outcome": "temporary"}, refused_12("Sender", "Busy"), Permanent),
        ({"text": "^no", "outcome": "permanent"}, refused_12("Receiver", "Busy"), Permanent),
        ({"code": "Server", "text": "^oui", "outcome": "permanent"}, refused("Server"), Ambiguous),
        ({"detail": "b", "outcome": "temporary"}, refused_12("Receiver", "Busy"), Temporary),
    ],
)
def test_fault_rules_in_both_versions(rule: Any, answer: Response, kind: type) -> None:
    assert type(fault(using(answer, faults=[rule]))) is kind


@pytest.mark.parametrize(
    ("answer", "kind", "code"),
    [
        (said(200, b"<html><p>Bienvenue</html>", "text/html"), Ambiguous, "WASL-DLV-008"),
        (said(200, b"<html/>", "text/html"), Ambiguous, "WASL-DLV-008"),
        (said(200, b"\xff\xfe\x00"), Ambiguous, "WASL-DLV-008"),
        (said(200), Ambiguous, "WASL-DLV-008"),
        (soap("<r><Accuse><Code>NON</Code></Accuse></r>"), Ambiguous, "WASL-DLV-008"),
        (soap(""), Ambiguous, "WASL-DLV-008"),
        (said(401, b"<html>"), Temporary, "WASL-DLV-013"),
        (said(503), Temporary, "WASL-DLV-002"),
        (said(500, b"<html>"), Ambiguous, "WASL-DLV-002"),
        (said(404, b"<html>"), Permanent, "WASL-DLV-003"),
        (replace(registered(), status=202), None, ""),
        (replace(registered(), status=502), Ambiguous, "WASL-DLV-002"),
        (BROKEN, Ambiguous, "WASL-DLV-004"),
        (NO_CONNECTION, Temporary, "WASL-DLV-001"),
    ],
)
def test_answers_to_the_call(answer: Any, kind: type | None, code: str) -> None:
    if kind is None:
        assert SoapAdapter().deliver(letter(), using(answer)).register_number
        return
    found = fault(using(answer))
    assert (type(found), found.code) == (kind, code)


def test_operation_that_answers_nothing_is_delivered_when_nothing_was_asked() -> None:
    options = {name: value for name, value in ROUTE.items() if name not in ("success", "reads")}
    assert SoapAdapter().deliver(letter(), context(options, WSDL, said(202))).answer == b""


def test_without_a_condition_something_that_is_read_must_be_there() -> None:
    options = {name: value for name, value in ROUTE.items() if name != "success"}
    assert SoapAdapter().deliver(letter(), context(options, WSDL, registered())).register_number
    assert fault(context(options, WSDL, soap("<r><Autre/></r>"))).code == "WASL-DLV-008"


DUPLICATE = [{"detail": "DEJA", "outcome": "duplicate"}]


def test_duplicate_is_looked_up() -> None:
    used = using(refused("Client", "DEJA"), found(2), faults=DUPLICATE)
    assert SoapAdapter().deliver(letter(), used).register_number == "2026/000"


@pytest.mark.parametrize("answer", [found(0), said(500), BROKEN, NO_CONNECTION, refused("Client", "DEJA")])
def test_duplicate_that_the_look_up_does_not_show_is_ambiguous(answer: Any) -> None:
    assert type(fault(using(refused("Client", "DEJA"), answer, faults=DUPLICATE))) is Ambiguous


def test_duplicate_without_a_look_up_is_a_delivery_without_a_number() -> None:
    options = {name: value for name, value in ROUTE.items() if name != "find"} | {"faults": DUPLICATE}
    done = SoapAdapter().deliver(letter(), context(options, WSDL, refused("Client", "DEJA")))
    assert done.register_number is None
    assert b"DEJA" in done.answer


def test_find_calls_the_look_up_operation() -> None:
    used = using(found(1))
    done = SoapAdapter().find("the delivery", "the reference", used)
    assert done is not None
    assert done.register_number == "2026/000"
    body = etree.fromstring(sent(used)[1].body)
    assert body.findtext(f".//{URN}IdentifiantExterne") == "the delivery"
    assert SoapAdapter().find("d", "r", using(found(0))) is None


@pytest.mark.parametrize(
    "answer", [soap("<r/>"), said(200, b"<html>"), refused("Server"), said(503), BROKEN, NO_CONNECTION]
)
def test_find_that_got_no_answer_says_so(answer: Any) -> None:
    with pytest.raises(Temporary):
        SoapAdapter().find("d", "r", using(answer))


def test_find_may_be_told_an_absence_by_a_fault() -> None:
    find = {**ROUTE["find"], "absent_fault": "INTROUVABLE"}
    assert SoapAdapter().find("d", "r", using(refused("Client", "INTROUVABLE"), find=find)) is None
    with pytest.raises(Permanent):
        SoapAdapter().find("d", "r", using(refused("Client", "AUTRE"), find=find))


def test_find_without_a_look_up_cannot_tell() -> None:
    options = {name: value for name, value in ROUTE.items() if name != "find"}
    with pytest.raises(Ambiguous, match="no look-up"):
        SoapAdapter().find("d", "r", context(options, WSDL))


def test_preview_shows_the_call_without_secrets_contents_or_sending() -> None:
    def never(_: object) -> Any:
        raise AssertionError("a preview read a content")

    auth = {"kind": "header", "header": "X-Key", "secret": "s"}
    used = using(auth=auth)
    [shown] = SoapAdapter().preview(letter(open=never), used)
    assert shown.url == ENDPOINT
    assert shown.headers["X-Key"] == "•••"
    assert "secret of" not in str(shown)
    assert f"{len(PLAN)} octets›" in shown.body
    odd = letter(envelope=envelope(attachments=(attachment(name="a & <b>.pdf"),)))
    [named] = SoapAdapter().preview(odd, using())
    # what is shown is still XML, whatever a file is called
    assert "‹a & <b>.pdf, " in etree.fromstring(named.body.encode()).xpath("string()")
    assert sent(used)[0].headers["X-Key"] == "secret of s"
    assert len(sent(used)) == 1


def test_security_header_of_the_message_carries_the_secret_but_no_preview_does() -> None:
    auth = {"kind": "wsse", "username": "wasl", "secret": "s"}
    used = using(registered(), auth=auth)
    adapter = SoapAdapter()
    adapter.deliver(letter(), used)
    assert b"secret of s" in sent(used)[1].body
    assert "Authorization" not in sent(used)[1].headers
    [shown] = adapter.preview(letter(), using(auth=auth))
    assert "secret of s" not in shown.body
    assert "wasl" in shown.body


def test_probe_fetches_the_wsdl_anew_and_calls_nothing() -> None:
    adapter = SoapAdapter()
    for _ in range(2):
        used = using()
        assert ENDPOINT in adapter.probe(used)
        assert [call.method for call in sent(used)] == ["GET"]
    with pytest.raises(Temporary, match="Autre"):
        adapter.probe(using(operation="Autre"))


def test_library_logs_nothing_of_a_letter_even_at_debug(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    SoapAdapter().deliver(letter(), using(registered()))
    assert "fictive" not in caplog.text


def test_wrong_options_wait_for_an_operator() -> None:
    found = fault(context({"wsdl_url": "ftp://x"}))
    assert type(found) is Temporary


def test_reply_is_read_by_local_names() -> None:
    answer = soap(
        '<a xmlns="urn:x" xmlns:i="http://www.w3.org/2001/XMLSchema-instance"><b>1</b><b>2</b><b>3</b>'
        '<c i:nil="true">x</c><d k="v">t</d><e/><f k="v"><g/></f><!-- no --></a>'
    )
    assert read_answer(answer) == {
        "b": ["1", "2", "3"],
        "c": None,
        "d": {"@k": "v", "#text": "t"},
        "e": "",
        "f": {"@k": "v", "g": ""},
    }


def test_reply_in_a_multipart_is_read_from_its_first_part() -> None:
    body = (
        b'--b\r\nContent-Type: application/xop+xml; type="text/xml"\r\n\r\n'
        + registered().body
        + b"\r\n--b\r\nContent-Type: image/png\r\n\r\nxx\r\n--b--\r\n"
    )
    answer = said(200, body, 'multipart/related; boundary="b"')
    assert read_answer(answer)["NumeroOrdre"] == "2026/000123"
    for broken in (b"", b"--b\r\n"):
        with pytest.raises(NoSoapError):
            read_answer(said(200, broken, 'multipart/related; boundary="b"'))


@pytest.mark.parametrize(
    "octets",
    [
        b'<!DOCTYPE e [<!ENTITY x "y">]><e/>',
        f'<e:Envelope xmlns:e="{SOAP_11}"/>'.encode(),
        f'<e:Other xmlns:e="{SOAP_11}"><e:Body/></e:Other>'.encode(),
        b'<Envelope xmlns="urn:x"><Body/></Envelope>',
        b"<Envelope><Body/></Envelope>",
        b"<a>" * 5000,
        b"",
    ],
)
def test_octets_that_are_no_soap(octets: bytes) -> None:
    with pytest.raises(NoSoapError):
        read_answer(said(200, octets))


def test_fault_without_anything_is_still_a_fault() -> None:
    answer = read_answer(soap("<e:Fault/>"))
    assert isinstance(answer, SoapFault)
    assert not answer.is_callers
    assert isinstance(read_answer(soap("<e:Fault/>", version=SOAP_12)), SoapFault)


def test_options_in_the_documentation_are_good_and_all_are_named() -> None:
    page = (FOLDER.parents[2] / "docs/kind-soap.md").read_text("utf-8")
    example = page.partition("## An example\n")[2].partition("\nThis is what stands")[0]
    options = tomllib.loads(example.replace("\n    ", "\n"))
    assert len(options) > 8
    assert SoapAdapter().check_options(options) == []
    for field in [*fields(SoapRoute), *fields(Service)]:
        name = {"mtom": "attachments", "deliver": "operation", "header_names": "headers"}.get(
            field.name, field.name
        )
        assert name == "service" or f"`{name}`" in page, name


def test_options_of_the_example_are_good() -> None:
    assert SoapAdapter().check_options(ROUTE) == []


@pytest.mark.parametrize(
    ("changes", "key"),
    [
        ({"wsdl_url": None}, "wsdl_url"),
        ({"wsdl": "<x/>"}, "wsdl_url"),
        ({"wsdl_url": None, "wsdl": "<x/>"}, "endpoint"),
        ({"wsdl_sha256": "AB"}, "wsdl_sha256"),
        ({"endpoint": "host"}, "endpoint"),
        ({"operation": None}, "operation"),
        ({"request": None}, "request"),
        ({"request": {"a": "b("}}, "request.a"),
        ({"max_bytes": "1"}, "max_bytes"),
        ({"find": {"operation": "x"}}, "find.success"),
        ({"find": {"operation": "x"}}, "find.found"),
        ({"find": {"operation": "x"}}, "find.request"),
        ({"find": {**ROUTE["find"], "absent_fault": "("}}, "find.absent_fault"),
        ({"faults": [{"outcome": "temporary"}]}, "faults[0].code"),
        ({"faults": [{"code": "x", "outcome": "perhaps"}]}, "faults[0].outcome"),
        ({"faults": [{"code": "x", "outcome": "never"}]}, "faults[0].outcome"),
        ({"faults": [{"code": "(", "outcome": "temporary"}]}, "faults[0].code"),
        ({"auth": {"kind": "wsse", "secret": "x"}}, "auth.username"),
        ({"auth": "x"}, "auth"),
        ({"colour": "blue"}, "colour"),
    ],
)
def test_wrong_option_is_named(changes: dict[str, Any], key: str) -> None:
    options = {name: value for name, value in {**ROUTE, **changes}.items() if value is not None}
    faults = SoapAdapter().check_options(options)
    assert [fault for fault in faults if fault.startswith(f"{key}:")], faults
