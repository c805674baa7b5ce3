"""What an e-mail address of a reader may look like."""

from __future__ import annotations

import re

_ATOM = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+"
_LABEL = r"[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_ADDRESS = re.compile(rf"(?=.{{3,254}}\Z)(?=[^@]{{1,64}}@){_ATOM}(\.{_ATOM})*@{_LABEL}(\.{_LABEL})*")
_LONGEST = 254


def is_mail_address(text: object) -> bool:
    """Whether ``text`` is a plain e-mail address: dot-atom and domain in ASCII (RFC 5321 4.1.2, 4.5.3.1).

    Quoted local parts, comments, address literals and lists are none: whatever is taken here can stand
    in a header and in a command of SMTP as it is.
    """
    return isinstance(text, str) and len(text) <= _LONGEST and _ADDRESS.fullmatch(text) is not None
