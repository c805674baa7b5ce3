from __future__ import annotations

import pytest

from gateway.domain.registry.differences import MASK, compared, leaves, references, told
from gateway.domain.registry.versions import (
    BEGINNINGS,
    MOVES,
    OPEN,
    Stage,
    content_of,
    is_second,
    misfits,
    person,
    put_in_force,
    same_person,
    stands,
)

OFFICE = {
    "route": {"kind": "adapter", "adapter": "rest", "paused": True},
    "document_types": {"request": "R"},
    "names": {},
}


def test_every_stage_is_reached_and_nothing_leaves_what_was_discarded() -> None:
    reached = set(BEGINNINGS)
    for _ in Stage:
        reached |= {to for stage in reached for to in MOVES[stage]}
    assert reached == set(Stage)
    assert set(MOVES) == set(Stage)
    assert MOVES[Stage.DISCARDED] == frozenset()
    assert {stage for stage in Stage if Stage.DISCARDED in MOVES[stage]} == OPEN


def test_pausing_is_no_part_of_a_version_and_stays_over_one() -> None:
    content = content_of(OFFICE)
    assert content == {"route": {"kind": "adapter", "adapter": "rest"}, "document_types": {"request": "R"}}
    assert put_in_force(content, paused=True)["route"]["paused"] is True
    assert "paused" not in put_in_force(content, paused=False)["route"]
    assert put_in_force({"route": {"kind": "inbox"}}, paused=True) == {"route": {"kind": "inbox"}}


def test_a_key_that_a_version_does_not_know_says_nothing() -> None:
    assert stands({"route": content_of(OFFICE)["route"]}, OFFICE)
    assert not stands({"route": {"kind": "inbox"}}, OFFICE)


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("Operator", " OPERATOR ", True),
        ("straße", "STRASSE", True),
        ("a  b", "a b", True),
        ("\ufb01n", "fin", True),
        ("سعاد", "سعاد", True),
        ("operator-1", "operator-2", False),
        ("سعاد", "سعيد", False),
    ],
    ids=ascii,
)
def test_one_person_has_one_name(one: str, other: str, same: bool) -> None:
    assert same_person(one, other) is same
    assert is_second(one, ["x", other]) is not same


def test_a_name_is_kept_as_it_can_be_read() -> None:
    assert person("  Samira   B. ") == "Samira B."
    for name in ("", " ", "a\tb", "a\nb", "\x1b[1m", "a\u202eb", "a\u200bb", "x" * 121):
        with pytest.raises(ValueError, match="can be seen"):
            person(name)


def test_only_what_a_table_keeps_is_taken() -> None:
    deep: object = 1
    for _ in range(200):
        deep = [deep]
    assert misfits({"a": [1, 2.5, True, "x", {"b": {}}]}) == []
    wrong = misfits({"a": [float("inf"), 2**63, None], "b": {"c": "\0"}})
    assert [one.partition(":")[0] for one in wrong] == [
        "a[0]", "a[1]", "a[2]", "b.c",
    ]  # fmt: skip
    assert [one.rpartition(": ")[2] for one in misfits({"a": deep})] == ["deeper than 60 tables"]


def test_differences_are_told_by_the_path_of_keys() -> None:
    was = {"route": {"a": 1, "b": [1, {"c": "x"}], "d e": "y", "t": {}}, "same": True}
    now = {"route": {"a": True, "b": [1, {"c": "z"}, 3], "t": {"u": 1}}, "same": True}
    assert [(one.path, one.was, one.now) for one in compared(was, now)] == [
        ("route.a", "1", "true"),
        ("route.b[1].c", "x", "z"),
        ('route."d e"', "y", None),
        ("route.t", "{}", None),
        ("route.b[2]", None, "3"),
        ("route.t.u", None, "1"),
    ]
    assert dict(leaves({"a": [], "b": ()})) == {"a": "[]", "b": "[]"}


@pytest.mark.parametrize(
    ("path", "value", "shown"),
    [
        ("route.options.auth.secret", "commune-key", "commune-key"),
        ("route.options.auth.secret", "hunter2!x", MASK),
        ("route.options.auth.secret", "9f86d081884c7d659a2feaa0c55ad015", MASK),
        ("route.options.auth.secret", "kept_9f86d081884c7d65", "kept_9f86d081884c7d65"),
        ("route.options.token", "a8Jd93kLmQpZ77", MASK),
        ("route.options.headers.Authorization", "Bearer abcdefgh", MASK),
        ("route.options.headers.X-Api-Key", "0123-4567-89ab", MASK),
        ("route.options.headers.X-Env", "4f9a8b7c6d5e4f3a2b1c0d9e8f7a6b5c", MASK),
        ("route.options.headers.X-Env", "production", "production"),
        ("route.options.create.body.key", "envelope.subject", "envelope.subject"),
        (
            "call 1 header Idempotency-Key",
            "018f0000-0000-7000-8000-00000000000d",
            "018f0000-0000-7000-8000-00000000000d",
        ),
        ("route.options.base_url", "https://user:pw@host/", MASK),
        ("route.options.base_url", "https://host/api?api_key=12345678", MASK),
        ("route.options.base_url", "https://host/api/v2", "https://host/api/v2"),
        ("route.options.wsdl", "-----BEGIN PRIVATE KEY-----", MASK),
        ("route.options.create.body.objet", "envelope.subject", "envelope.subject"),
        ("route.max_bytes", 5, "5"),
    ],
    ids=lambda value: ascii(value)[:60],
)
def test_what_looks_like_a_secret_is_not_shown(path: str, value: str | int, shown: str) -> None:
    assert told(path, value, frozenset({"kept_9f86d081884c7d65"})) == shown


def test_the_names_of_secrets_are_found_wherever_they_stand() -> None:
    options = {
        "auth": {"secret": "one", "username": "u"},
        "token": "two",
        "client_certificate": "three",
        "steps": [{"webhook_secret": "four"}],
        "tables": {"types": {"token": "b"}},
        "create": {"body": {"key": "envelope.subject", "secret": "x"}, "headers": {"key": "y"}},
    }
    assert references(options) == {"one", "two", "three", "four"}
