"""Media types are read in one way only."""

import pytest

from gateway.wire.media_types import parse_media_type


@pytest.mark.parametrize(
    ("text", "essence", "parameters"),
    [
        ("application/xml", "application/xml", {}),
        ("Application/XML ; Charset=UTF-8", "application/xml", {"charset": "UTF-8"}),
        ('a/b;boundary="a b";type="x/y"', "a/b", {"boundary": "a b", "type": "x/y"}),
        ("a/b; type=text/xml; start=<r@x>", "a/b", {"type": "text/xml", "start": "<r@x>"}),
        (r'a/b; c="d\"e\\f"', "a/b", {"c": r"d\"e\f".replace(r"\"", '"')}),
        ('a/b; c=""', "a/b", {"c": ""}),
    ],
)
def test_a_media_type_is_read(text, essence, parameters):
    read = parse_media_type(text)
    assert (read.essence, read.parameters) == (essence, parameters)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "xml",
        "a/b/c",
        " a/b",
        "a/b;",
        "a/b; c",
        "a/b; c=",
        "a/b; c=d; c=e",
        "a/b; c=d; C=e",
        "a/b; c*=utf-8''d",
        "a/b; c*0=d; c*1=e",
        'a/b; c="d',
        'a/b; c="d"e',
        'a/b; c="d\r\nX: y"',
        "a/b, c/d",
        "a/b; c=d e",
        "a/b; c=(d)",
        "a/b; c=d\\e",
    ],
)
def test_what_two_readers_could_understand_differently_is_no_media_type(text):
    assert parse_media_type(text) is None
