"""Names on the wire: camelCase in JSON and PascalCase in XML for a field's snake_case name."""

from __future__ import annotations

import re

from gateway.domain.content import camel

_BACKTICKED = re.compile(r"`{1,2}(\w+)`{1,2}")


def pascal(name: str) -> str:
    """``document_date`` as XML says it: ``DocumentDate``."""
    return "".join(word[:1].upper() + word[1:] for word in name.split("_"))


def in_json(prose: str) -> str:
    """``prose`` with the fields between its backticks named as in JSON."""
    return _BACKTICKED.sub(lambda found: camel(found[1]), prose)


def in_xml(prose: str) -> str:
    """``prose`` with the fields between its backticks named as in XML."""
    return _BACKTICKED.sub(lambda found: pascal(found[1]), prose)
