"""Makes the schemas and the examples of this folder from the content models: ``python xsd/build.py``."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

_HERE = Path(__file__).resolve().parent
for folder in (_HERE, _HERE.parent):  # so that it runs in a checkout that was never installed
    if str(folder) not in sys.path:
        sys.path.append(str(folder))

import example_values  # noqa: E402
from lxml import etree  # noqa: E402

from gateway.wire.codec import to_json  # noqa: E402
from gateway.wire.envelopes import envelope_element  # noqa: E402
from gateway.wire.json_schema import json_schema  # noqa: E402
from gateway.wire.models import ENVELOPE, RECEIPT  # noqa: E402
from gateway.wire.receipts import receipt_element, receipt_json  # noqa: E402
from gateway.wire.xml_schema import xml_schema  # noqa: E402


def documents() -> dict[str, bytes]:
    """Every file made here: path within this folder, and content."""
    receipts = {name: json.loads(receipt_json(value)) for name, value in example_values.RECEIPTS.items()}
    letter = to_json(example_values.ENVELOPE)
    made = {
        "envelope-1.0.xsd": xml_schema(ENVELOPE),
        "receipt-1.0.xsd": xml_schema(RECEIPT),
        "envelope-1.0.schema.json": json_schema(ENVELOPE, [letter]),
        "receipt-1.0.schema.json": json_schema(RECEIPT, list(receipts.values())),
        "examples/envelope-letter.xml": _xml(envelope_element(example_values.ENVELOPE)),
        "examples/envelope-letter.json": _json(letter),
    }
    for name, value in example_values.RECEIPTS.items():
        made[f"examples/receipt-{name}.xml"] = _xml(receipt_element(value))
        made[f"examples/receipt-{name}.json"] = _json(receipts[name])
    return made


def _xml(root: etree._Element) -> bytes:
    etree.indent(root, "  ")
    return etree.tostring(root, xml_declaration=True, encoding="UTF-8") + b"\n"


def _json(value: dict[str, Any]) -> bytes:
    return json.dumps(value, indent=2, ensure_ascii=False).encode() + b"\n"


def main() -> None:
    """Writes them all."""
    (_HERE / "examples").mkdir(exist_ok=True)
    for path, content in documents().items():
        (_HERE / path).write_bytes(content)


if __name__ == "__main__":
    main()
