"""The total, lossless mapping between content models and their two wire syntaxes."""

from __future__ import annotations

from gateway.wire.json_codec import from_json, to_json
from gateway.wire.xml_codec import from_xml, to_xml

__all__ = ["from_json", "from_xml", "to_json", "to_xml"]
