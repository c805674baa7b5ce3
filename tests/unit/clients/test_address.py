from __future__ import annotations

import pytest

from gateway.clients.address import AddressRules, parse_target
from gateway.domain.errors import Misconfigured, Permanent


@pytest.mark.parametrize(
    ("url", "host", "port", "path", "authority"),
    [
        ("https://dms.example", "dms.example", 443, "/", "dms.example"),
        ("HTTP://DMS.Example:8080/a/b?c=d#e", "dms.example", 8080, "/a/b?c=d", "dms.example:8080"),
        ("https://dms.example.:443/x", "dms.example", 443, "/x", "dms.example"),
        ("http://192.0.2.7/", "192.0.2.7", 80, "/", "192.0.2.7"),
        ("https://[2001:DB8::7]:8443/x", "2001:db8::7", 8443, "/x", "[2001:db8::7]:8443"),
        ("https://dms.example?x=1", "dms.example", 443, "/?x=1", "dms.example"),
        ("https://بريد.example/a", "xn--ngbof4h.example", 443, "/a", "xn--ngbof4h.example"),
    ],
)
def test_a_url_names_its_target(url: str, host: str, port: int, path: str, authority: str) -> None:
    target = parse_target(url)
    assert (target.host, target.port, target.path, target.authority) == (host, port, path, authority)


@pytest.mark.parametrize(
    "url",
    [
        "file:///etc/passwd", "gopher://dms.example/", "ftp://dms.example/", "//dms.example/", "dms.example",
        "", "http:dms.example", "http:///path", "http://", "http://?x",
        "http://user@dms.example/", "http://user:secret@dms.example/", "http://@dms.example/",
        "http://dms.example@127.0.0.1/", "http://dms.example:x/", "http://dms.example:70000/",
        "http://dms.example\\@127.0.0.1/", "http://dms.example/a b", "http://dms.example/a\r\nHost: x",
        "http://dms.example\t/", "\x01http://dms.example/", "http://dms.example/é", "http://dms%2eexample/",
        "http://é@dms.example/", "http://-dms.example/", "http://dms..example/", "http://[::1/",
        "http://[fe80::1%25eth0]/", "http://[v1.x]/", "http://[dms.example]/", "http://[192.0.2.1]/",
        "http://ⓓms.example/é", "http://" + "a" * 300 + "/",
        "http://" + "a" * 64 + ".example/",
        "http://é" + "a" * 80 + ".example/",
    ],
)  # fmt: skip
def test_what_is_no_plain_url_is_refused(url: str) -> None:
    with pytest.raises(Permanent) as caught:
        parse_target(url)
    assert caught.value.code == "WASL-DLV-006"
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    "host",
    ["2130706433", "017700000001", "0x7f000001", "0x7f.1", "127.1", "127.0.1", "0177.0.0.1", "127.0.0.01",
     "0x7f.0x0.0x0.0x1", "1.2.3.4.5", "256.1.1.1", "127.0.0.1.", "0", "0x", "dms.example.1",
     "１２７.0.0.1", "①27.1"],
)  # fmt: skip
def test_addresses_in_unusual_forms_are_refused_or_read_as_what_they_are(host: str) -> None:
    rules = AddressRules(())
    with pytest.raises(Permanent):
        rules.permitted("x", [parse_target(f"http://{host}/").host])


LOCAL = [
    "127.0.0.1", "127.8.9.1", "10.1.2.3", "172.16.0.1", "172.31.255.255", "192.168.1.1", "100.64.0.1",
    "::1", "fd12::1", "::ffff:127.0.0.1", "::ffff:10.0.0.1",
]  # fmt: skip
NEVER_BY_NAME = [
    "169.254.169.254", "169.254.0.1", "100.100.100.200", "168.63.129.16", "192.0.0.192", "fd00:ec2::254",
    "0.0.0.0", "0.1.2.3", "255.255.255.255", "224.0.0.1", "239.1.1.1", "240.0.0.1",
    "::", "fe80::1", "fe80::1%eth0", "fec0::1", "ff02::1",
    "::ffff:169.254.169.254", "::127.0.0.1", "64:ff9b::7f00:1", "64:ff9b::a9fe:a9fe", "64:ff9b:1::1",
    "2002:7f00:1::", "2001:0:1::1",
]  # fmt: skip
NOT_PUBLIC = ["192.0.2.1", "198.51.100.1", "203.0.113.1", "198.18.0.1", "2001:db8::1"]
PUBLIC = ["8.8.8.8", "105.155.1.1", "2a00:1450::1", "::ffff:8.8.8.8", "172.32.0.1", "100.128.0.1", "11.0.0.1"]


@pytest.mark.parametrize("address", LOCAL + NEVER_BY_NAME + NOT_PUBLIC)
def test_addresses_that_are_not_public_are_closed(address: str) -> None:
    with pytest.raises(Permanent) as caught:
        AddressRules(()).permitted("dms.example", [address])
    assert caught.value.code == "WASL-DLV-006"


@pytest.mark.parametrize("address", PUBLIC)
def test_public_addresses_are_open(address: str) -> None:
    assert len(AddressRules(()).permitted("dms.example", [address])) == 1


@pytest.mark.parametrize("address", LOCAL)
def test_a_name_entry_opens_local_addresses_to_that_name_only(address: str) -> None:
    rules = AddressRules(["DMS.example."])
    assert len(rules.permitted("dms.example", [address])) == 1
    for other in ("other.example", "a.dms.example", "dms.example.attacker.example"):
        with pytest.raises(Permanent):
            rules.permitted(other, [address])


@pytest.mark.parametrize("address", NEVER_BY_NAME + NOT_PUBLIC)
def test_a_name_entry_opens_nothing_stranger(address: str) -> None:
    with pytest.raises(Permanent):
        AddressRules(["dms.example"]).permitted("dms.example", [address])


def test_a_network_entry_opens_what_lies_in_it() -> None:
    rules = AddressRules(["10.20.0.0/16", "169.254.9.9", "fd12::/64"])
    addresses = [
        "10.20.1.1",
        "10.21.1.1",
        "169.254.9.9",
        "169.254.9.8",
        "fd12::5",
        "fd13::5",
        "::ffff:10.20.0.1",
    ]
    found = [str(address) for address in rules.permitted("any.example", addresses)]
    assert found == ["10.20.1.1", "169.254.9.9", "fd12::5", "10.20.0.1"]


def test_an_unusable_entry_is_named() -> None:
    with pytest.raises(Misconfigured) as caught:
        AddressRules(["10.0.0.1/8", "good.example", "*.example", "127.1", ""])
    assert len(caught.value.faults) == 4
    assert "'10.0.0.1/8'" in caught.value.faults[0]
