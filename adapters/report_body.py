"""The body of a target's call as plain values, from JSON or XML."""

from __future__ import annotations

from typing import Any

from adapters.contract import Report
from adapters.json_values import NoJsonError, read_json
from adapters.xml_values import NoXmlError, read_xml, value_of
from gateway.domain.errors import Permanent

_UNREADABLE = "WASL-DLV-008"


def decode(report: Report) -> Any:
    """The body as tables, lists and texts; of XML as `adapters.xml_values.value_of` says.

    Raises:
        Permanent: it is neither JSON nor XML, by its own word or in fact.
    """
    media_type = report.headers.get("content-type", "").partition(";")[0].strip().lower()
    try:
        if media_type in ("application/xml", "text/xml"):
            return value_of(read_xml(report.body))
        return read_json(report.body)
    except NoXmlError as trouble:
        raise Permanent(_UNREADABLE, "no XML, or one with a document type") from trouble
    except NoJsonError as trouble:
        raise Permanent(_UNREADABLE, "no JSON") from trouble
