"""The command by which an operator chooses an operation from what a document system offers."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from gateway.cli import wasl
from tests.integration.test_soap_targets import listening, says
from tests.support.hub import COMMUNE_OFFICE, MINISTRY_OFFICE, HubUnderTest
from tests.support.systems import Simulator, fresh_hub
from tests.unit.adapters.test_soap import ROUTE, WSDL_TEXT

CHOICE = """\
<xsd:complexType name="Arbre"><xsd:sequence>
  <xsd:element name="nom" type="xsd:string"/>
  <xsd:choice>
    <xsd:element name="texte" type="xsd:string"/>
    <xsd:element name="nombre" type="xsd:int"/>
  </xsd:choice>
  <xsd:sequence minOccurs="0" maxOccurs="unbounded"><xsd:element name="date" type="xsd:date"/></xsd:sequence>
  <xsd:element name="branche" type="tns:Arbre" minOccurs="0"/>
</xsd:sequence><xsd:attribute name="langue" type="xsd:language" use="required"/></xsd:complexType>
"""


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> HubUnderTest:
    made = fresh_hub(tmp_path, Simulator(), WASL_OUTGOING_ALLOW="127.0.0.0/8")
    monkeypatch.setenv("WASL_HOME", str(made.home))
    monkeypatch.setenv("WASL_DATABASE_URL", made.gateway.settings.database.url)
    monkeypatch.setenv("WASL_OUTGOING_ALLOW", "127.0.0.0/8")
    return made


def served(text: str) -> bytes:
    octets = text.encode()
    head = f"HTTP/1.1 200 OK\r\nContent-Type: text/xml\r\nContent-Length: {len(octets)}\r\n\r\n"
    return head.encode() + octets


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with_choice = WSDL_TEXT.replace('<xsd:simpleType name="Ligne">', f'{CHOICE}<xsd:simpleType name="Ligne">')
    with listening(
        says(served(with_choice.replace('"Texte" type="xsd:string"', '"Texte" type="tns:Arbre"')))
    ) as at:
        yield f"{at}/courrier?wsdl"


def run(*arguments: str) -> Result:
    return CliRunner().invoke(wasl, ["route", "operations", *arguments])


def test_operations_stand_with_the_names_that_a_mapping_uses(hub: HubUnderTest, url: str) -> None:
    done = run(url)
    assert done.exit_code == 0, done.output
    lines = done.output.splitlines()
    assert lines[0].startswith("CourrierArrivee  CourrierArriveePort  SOAP 1.1  http://")
    at = lines.index("  EnregistrerCourrier")
    assert lines[at + 1] == "    IdentifiantExterne*  string"
    assert "        Contenu*  base64Binary" in lines
    assert "      PieceJointe+  PieceJointe" in lines
    assert "      NumeroOrdre*  string" in lines[lines.index("    answers") :]


def test_choices_repetitions_attributes_and_types_within_themselves_are_told(
    hub: HubUnderTest, url: str
) -> None:
    found = json.loads(run(url, "--json").output)
    [first] = [offer for offer in found if offer["operation"] == "EnregistrerCourrier"]
    assert (first["service"], first["port"], first["protocol"]) == (
        "CourrierArrivee",
        "CourrierArriveePort",
        "SOAP 1.1",
    )
    [tree] = [one for one in first["takes"] if one["name"] == "Texte"]
    told = {one["name"]: (one["type"], one["required"], one["many"]) for one in tree["parameters"]}
    assert told == {
        "langue": ("language", True, False),
        "nom": ("string", True, False),
        "texte": ("string", False, False),
        "nombre": ("int", False, False),
        "date": ("date", False, True),
        "branche": ("Arbre", False, False),
    }
    [branch] = [one for one in tree["parameters"] if one["name"] == "branche"]
    assert branch["parameters"] == []


def test_office_is_asked_as_its_route_says(hub: HubUnderTest, url: str) -> None:
    office = next(one for one in hub.gateway.registry.export()["office"] if one["id"] == COMMUNE_OFFICE)
    route = {"kind": "adapter", "adapter": "soap", "options": {**ROUTE, "wsdl_url": url}}
    hub.apply({"office": [{**office, "route": route}]})
    done = run("--office", COMMUNE_OFFICE)
    assert "  RechercherCourrier" in done.output.splitlines()


@pytest.mark.parametrize(
    ("arguments", "status", "word"),
    [
        ((), 2, "name a URL"),
        (("http://127.0.0.1:1/x", "--office", COMMUNE_OFFICE), 2, "name a URL"),
        (("--office", "B0000999-I"), 2, "not registered"),
        (("--office", MINISTRY_OFFICE), 2, "do not describe themselves"),
        (("http://127.0.0.1:1/x", "--kind", "rest"), 2, "do not describe themselves"),
        (("http://127.0.0.1:1/x",), 1, "WASL-DLV-001"),
        (("http://169.254.169.254/x",), 1, "WASL-DLV-006"),
        (("file:///etc/passwd",), 1, "WASL-DLV-007"),
    ],
    ids=["nothing", "both", "unknown", "inbox", "rest", "down", "inward", "file"],
)
def test_what_cannot_be_asked_is_said(
    hub: HubUnderTest, arguments: tuple[str, ...], status: int, word: str
) -> None:
    done = run(*arguments)
    assert word in done.output + str(done.exception)
    assert _status(done) == status


def _status(done: Result) -> int:
    """As `gateway.cli.main` ends the process."""
    return done.exit_code if done.exception is None or isinstance(done.exception, SystemExit) else 1
