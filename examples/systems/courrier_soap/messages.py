"""SOAP 1.1 messages of the service "Courrier Arrivée": bytes to a letter, values to bytes."""

from __future__ import annotations

import base64
import binascii
from datetime import date as Day
from datetime import datetime
from typing import Any

from lxml import etree
from registre import ETAPES, NATURES, Accuse, Courrier, Piece

SOAP = "http://schemas.xmlsoap.org/soap/envelope/"
URN = "urn:demonstration:courrier-arrivee:v1"


class Refus(Exception):
    """A fault of the service; ``code`` is its own error code, ``side`` who is to blame."""

    def __init__(self, code: str, words: str, side: str = "Client") -> None:
        super().__init__(words)
        self.code, self.words, self.side = code, words, side


def read(octets: bytes) -> etree._Element:
    """The first element of the SOAP body."""
    parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False, huge_tree=True)
    try:
        root = etree.fromstring(octets, parser)
    except etree.XMLSyntaxError:
        raise Refus("MESSAGE_ILLISIBLE", "Le message n'est pas du XML bien formé.") from None
    body = root.find(f"{{{SOAP}}}Body")
    if root.tag != f"{{{SOAP}}}Envelope" or body is None or not len(body):
        raise Refus("MESSAGE_ILLISIBLE", "Le message n'est pas une enveloppe SOAP 1.1.")
    return body[0]


def name_of(element: etree._Element) -> str:
    """The operation that an element calls."""
    return etree.QName(element).localname if etree.QName(element).namespace == URN else ""


def courrier(element: etree._Element) -> Courrier:
    """The letter in a call of EnregistrerCourrier."""
    nature = required(element, "CodeNature")
    if nature not in NATURES:
        raise Refus("NATURE_INCONNUE", f"Code de nature inconnu : {nature[:20]}.")
    return Courrier(
        identifiant=required(element, "IdentifiantExterne"),
        expediteur=required(element, "Expediteur"),
        nature=nature,
        objet=required(element, "Objet"),
        reference=_text(element, "ReferenceExpediteur"),
        service=_text(element, "ServiceDestinataire"),
        date_document=_day(_text(element, "DateDocument")),
        urgent=_text(element, "Urgent") in ("true", "1"),
        texte=_text(element, "Texte"),
        pieces=tuple(map(_piece, element.iterfind(f"{{{URN}}}PiecesJointes/{{{URN}}}PieceJointe"))),
    )


def accuse(element: etree._Element) -> Accuse:
    """The acknowledgment in a call of DeposerAccuse."""
    etape, original = required(element, "CodeEtape"), element.find(f"{{{URN}}}Original")
    if etape not in ETAPES:
        raise Refus("ETAPE_INCONNUE", f"Code d'étape inconnu : {etape[:20]}.")
    if original is None:
        raise Refus("CHAMP_INVALIDE", "Le champ Original est absent.")
    return Accuse(
        identifiant=required(element, "IdentifiantAccuse"),
        etape=etape,
        horodatage=required(element, "Horodatage"),
        original=_piece(original),
        reference=_text(element, "Reference"),
        message=_text(element, "IdentifiantMessage"),
        objet=_text(element, "Objet"),
        destinataire=_text(element, "Destinataire"),
        numero=_text(element, "NumeroEnregistrement"),
        date_enregistrement=_day(_text(element, "DateEnregistrement")),
        motifs=tuple(one.text or "" for one in element.iterfind(f"{{{URN}}}Motif")),
    )


def required(element: etree._Element, name: str) -> str:
    """A field of one line that must be there."""
    text = _text(element, name).strip()
    if not 0 < len(text) <= 250:
        raise Refus("CHAMP_INVALIDE", f"Le champ {name} est vide ou dépasse 250 caractères.")
    return text


def reply(name: str, fields: dict[str, Any]) -> bytes:
    """The answer of an operation."""
    answer = etree.Element(f"{{{URN}}}{name}", nsmap={None: URN})
    _add(answer, fields)
    return _envelope(answer)


def fault(refus: Refus) -> bytes:
    """A fault with the service's own error code in its detail."""
    answer = etree.Element(f"{{{SOAP}}}Fault", nsmap={"soap": SOAP})
    etree.SubElement(answer, "faultcode").text = f"soap:{refus.side}"
    etree.SubElement(answer, "faultstring").text = refus.words
    detail = etree.SubElement(etree.SubElement(answer, "detail"), f"{{{URN}}}Erreur", nsmap={None: URN})
    _add(detail, {"CodeErreur": refus.code, "Libelle": refus.words})
    return _envelope(answer)


def _piece(element: etree._Element) -> Piece:
    name = required(element, "NomFichier")
    try:
        content = base64.b64decode("".join(_text(element, "Contenu").split()), validate=True)
    except binascii.Error:
        raise Refus("PIECE_ALTEREE", f"La pièce {name} n'est pas du base64.") from None
    piece = Piece(name, required(element, "TypeMime"), content)
    told = _text(element, "Empreinte")
    if told and told.lower() != piece.empreinte:
        raise Refus("PIECE_ALTEREE", f"L'empreinte de la pièce {name} ne correspond pas.")
    return piece


def _text(element: etree._Element, name: str) -> str:
    return element.findtext(f"{{{URN}}}{name}") or ""


def _day(text: str) -> str:
    try:
        return Day.fromisoformat(text[:10]).isoformat() if text else ""
    except ValueError:
        raise Refus("CHAMP_INVALIDE", "Le champ DateDocument n'est pas une date.") from None


def _add(parent: etree._Element, fields: dict[str, Any]) -> None:
    for name, value in fields.items():
        for entry in value if isinstance(value, list) else [value]:
            child = etree.SubElement(parent, f"{{{URN}}}{name}")
            if isinstance(entry, dict):
                _add(child, entry)
            else:
                child.text = entry.isoformat() if isinstance(entry, (Day, datetime)) else str(entry)


def _envelope(content: etree._Element) -> bytes:
    envelope = etree.Element(f"{{{SOAP}}}Envelope", nsmap={"soap": SOAP})
    etree.SubElement(envelope, f"{{{SOAP}}}Body").append(content)
    return etree.tostring(envelope, xml_declaration=True, encoding="utf-8")
