"""Every option of the hub as frozen sections; ``config/gateway.toml`` tells each in prose with its unit."""

from __future__ import annotations

from dataclasses import dataclass, field, is_dataclass
from pathlib import Path
from typing import get_type_hints

from gateway.domain.content import Kind
from gateway.domain.transit.retry import RetrySchedule
from gateway.settings_telling import Mail, News, Push, Webhooks
from gateway.settings_values import Texts, option
from gateway.settings_web import Soap, Web

_ADDRESS = r"https?://[^\s/?#@]+(/[^\s?#]*[^\s/?#])?"
_DAY = 86_400
_YEAR = 366 * _DAY


@dataclass(frozen=True)
class Hub:
    """Which hub this is."""

    code: str = option("DEMO-HUB", pattern=Kind.CODE.pattern, expected="a code of letters, digits and . _ -")
    name: Texts = option(
        {"ar": "بوابة وصل", "fr": "Passerelle Wasl", "en": "Wasl gateway"},
        pattern=r".*\S.*",
        expected="a text that is not empty in each language",
    )
    country: str = option("ma", pattern=r"[a-z]{2}", expected="a country's two letters in lower case")
    public_url: str = option(
        "http://127.0.0.1:8080",
        pattern=_ADDRESS,
        expected="an address that begins with http:// or https:// and does not end with /",
    )
    production: bool = option(False)
    demonstration: bool = option(False)

    def name_in(self, language: str) -> str:
        """The hub's name in ``language``, or in English, or in the first language it has one in."""
        return self.name.get(language) or self.name.get("en") or next(iter(self.name.values()))


@dataclass(frozen=True)
class Worker:
    """The process that delivers."""

    threads: int = option(8, least=1, most=256)
    poll_seconds: float = option(1.0, least=0.01, most=3600)
    lease_seconds: int = option(300, least=1, most=_DAY)
    longest_seconds: int = option(4 * 3600, least=1, most=7 * _DAY)
    lost_leases: int = option(3, least=1, most=100)
    memory_mib: int = option(2048, least=0, most=1_000_000)
    full_mib: int = option(1024, least=0, most=1_000_000)


@dataclass(frozen=True)
class Routes:
    """What one route may take from the others, and what becomes of one that fails."""

    concurrency: int = option(8, least=1, most=1000)
    per_minute: int = option(0, least=0, most=1_000_000)
    route_share: float = option(0.5, least=0, most=1)
    unproven_share: float = option(0.5, least=0, most=1)
    bulk_share: float = option(0.5, least=0, most=1)
    bulk_patience_seconds: float = option(300.0, least=0, most=7 * _DAY)
    breaker_failures: int = option(5, least=1, most=1000)
    breaker_first_seconds: float = option(30.0, least=0.01, most=_DAY)
    breaker_factor: float = option(2.0, least=1, most=10)
    breaker_cap_seconds: float = option(900.0, least=0.01, most=7 * _DAY)
    fallback_seconds: float = option(4 * 3600.0, least=0, most=_YEAR)
    second_approval: bool = option(False)
    record: str = option("failures", choices=("failures", "all", "none"))


@dataclass(frozen=True)
class Database:
    """Where the hub's records are."""

    url: str = option(
        "",
        secret=True,
        pattern=r"|(sqlite:///|postgresql(\+psycopg)?://).+",
        expected="empty, sqlite:///PATH or postgresql://USER@HOST/NAME",
    )
    pool_size: int = option(10, least=1, most=200)
    wait_seconds: float = option(10.0, least=0.1, most=300)
    statement_seconds: float = option(60.0, least=1, most=3600)
    idle_seconds: float = option(60.0, least=1, most=3600)


@dataclass(frozen=True)
class Payloads:
    """Where the letters' content is."""

    kind: str = option("files", choices=("files", "s3"))
    directory: Path = option(Path("payloads"))
    s3_endpoint: str = option("", pattern=f"({_ADDRESS})?", expected="an address without a slash at its end")
    s3_bucket: str = option(
        "", pattern=r"([a-z0-9][a-z0-9.-]{1,61}[a-z0-9])?", expected="a bucket's name in lower case"
    )
    s3_region: str = option("us-east-1", pattern=r"[a-z0-9-]{1,40}", expected="a region's name in lower case")
    s3_prefix: str = option(
        "payloads/", pattern=r"([A-Za-z0-9_.-]+/){0,8}", expected="empty, or names with a slash after each"
    )
    s3_part_bytes: int = option(8 * 1024**2, least=5 * 1024**2, most=64 * 1024**2)
    s3_connect_seconds: float = option(5.0, least=0.01, most=300)
    s3_read_seconds: float = option(30.0, least=0.01, most=3600)
    s3_attempts: int = option(3, least=1, most=10)


@dataclass(frozen=True)
class Broker:
    """The message broker that wakes workers."""

    url: str = option(
        "",
        secret=True,
        pattern=r"|amqps?://[^\s/]+(/[^\s/]*)?/?",
        expected="empty, amqp://USER@HOST/VHOST or amqps://USER@HOST/VHOST",
    )
    queue: str = option(
        "wasl.wake",
        pattern=r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}",
        expected="a queue's name of letters, digits, . _ -",
    )
    connect_seconds: float = option(5.0, least=0.1, most=300)
    heartbeat_seconds: float = option(20.0, least=2, most=3600)


@dataclass(frozen=True)
class Keys:
    """The hub's own keys and certificates, all PEM files."""

    seal_key: Path = option(Path("keys/hub-seal.pem"))
    seal_certificate: Path = option(Path("certificates/hub-seal.pem"))
    test_seal_key: Path = option(Path("keys/test-seal.pem"))
    test_seal_certificate: Path = option(Path("certificates/test-seal.pem"))
    ledger_key: Path = option(Path("keys/ledger.pem"))
    test_ledger_key: Path = option(Path("keys/test-ledger.pem"))
    local_tsa_key: Path = option(Path("keys/tsa.pem"))
    local_tsa_certificate: Path = option(Path("certificates/tsa.pem"))
    payload_master_key: Path = option(Path("keys/payload-master.key"))


@dataclass(frozen=True)
class Trust:
    """Whom the hub believes."""

    directory: Path = option(Path("trust"))
    require_revocation: bool = option(True)
    revocation_urls: tuple[str, ...] = option((), pattern=_ADDRESS, expected="addresses of revocation lists")
    revocation_seconds: int = option(3600, least=60, most=7 * _DAY)


@dataclass(frozen=True)
class Limits:
    """What a request may cost."""

    envelope_bytes: int = option(2 * 1024**2, least=1024, most=9 * 1024**2)
    attachment_bytes: int = option(5 * 1024**3, least=1024, most=5 * 1024**3)
    request_parts: int = option(66, least=1, most=1000)
    inline_bytes: int = option(1024**2, least=0, most=1024**2)
    xml_depth: int = option(32, least=8, most=200)
    xml_attributes: int = option(64, least=8, most=1000)
    xml_namespaces: int = option(64, least=8, most=1000)
    xml_elements: int = option(20_000, least=100, most=1_000_000)
    json_depth: int = option(32, least=8, most=200)
    refusals_per_hour: int = option(200, least=1, most=1_000_000)
    verifications_per_minute: int = option(60, least=1, most=1_000_000)
    claimed_past_seconds: int = option(7 * _DAY, least=0, most=_YEAR)
    claimed_future_seconds: int = option(300, least=0, most=_DAY)
    letters_per_hour: int = option(200_000, least=0, most=1_000_000_000)
    batch_letters: int = option(100, least=1, most=10_000)
    batch_bytes: int = option(16 * 1024**2, least=1024, most=256 * 1024**2)


@dataclass(frozen=True)
class Uploads:
    """Contents that parties upload before the letters that list them."""

    party_bytes: int = option(20 * 1024**3, least=1024, most=1024**5)
    party_count: int = option(1000, least=1, most=1_000_000)
    keep_hours: float = option(72.0, least=0.01, most=24 * 366)
    piece_bytes: int = option(128 * 1024**2, least=1024**2, most=1024**3)


@dataclass(frozen=True)
class Retry:
    """When a failed delivery is tried again, unless its route says otherwise."""

    first_seconds: float = option(30.0, least=0.01, most=_DAY)
    factor: float = option(2.0, least=1, most=10)
    cap_seconds: float = option(3600.0, least=0.01, most=7 * _DAY)
    jitter: float = option(0.2, least=0, most=1)
    lifetime_seconds: float = option(5.0 * _DAY, least=1, most=_YEAR)

    @property
    def schedule(self) -> RetrySchedule:
        """The same values as the rules take them."""
        return RetrySchedule(
            self.first_seconds, self.factor, self.cap_seconds, self.jitter, self.lifetime_seconds
        )


@dataclass(frozen=True)
class Lifecycle:
    """How long people may take with a delivery."""

    lock_seconds: int = option(300, least=10, most=3600)
    hold_days: float = option(7.0, least=0.01, most=366)
    warn_hours: float = option(12.0, least=0.1, most=366 * 24)


@dataclass(frozen=True)
class Outgoing:
    """Calls from the hub to other systems."""

    allow: tuple[str, ...] = option(
        (), pattern=r"[^\s/]+(/\d{1,3})?", expected="host names, addresses or nets"
    )
    connect_seconds: float = option(5.0, least=0.01, most=300)
    read_seconds: float = option(30.0, least=0.01, most=3600)
    total_seconds: float = option(120.0, least=0.01, most=_DAY)
    answer_bytes: int = option(1024**2, least=1024, most=64 * 1024**2)
    ca_bundle: str = option("", pattern=r"(/.+)?", expected="empty or an absolute path")


@dataclass(frozen=True)
class Adapters:
    """What adapters may use of this machine."""

    folders: tuple[str, ...] = option(
        (), pattern=r"(/(?!\.{1,2}(/|$))[^/]+)+", expected="absolute paths without . and .. in them"
    )


@dataclass(frozen=True)
class Tokens:
    """Access tokens for reading calls."""

    lifetime_seconds: int = option(600, least=30, most=_DAY)
    assertion_seconds: int = option(300, least=10, most=3600)


@dataclass(frozen=True)
class Evidence:
    """Receipts."""

    policy: str = option("urn:wasl:policy:evidence:1.0", pattern=Kind.URI.pattern, expected="an absolute URI")
    rejection_hours: int = option(24, least=1, most=24 * 366)
    long_term_seconds: float = option(10.0, least=0.1, most=_DAY)


@dataclass(frozen=True)
class Ledger:
    """The public tree in which every receipt takes its place."""

    origin: str = option(
        "demo-hub.test/ledger", pattern=r"[^\s+]{1,200}", expected="a name without spaces and plus signs"
    )
    head_file: Path = option(Path("ledger-head"))
    checkpoint_seconds: float = option(60.0, least=0.1, most=_DAY)
    checkpoint_leaves: int = option(1000, least=1, most=100_000)
    poll_seconds: float = option(1.0, least=0.05, most=3600)
    restamp_days: int = option(365, least=1, most=3660)
    self_check_hours: float = option(24.0, least=0.01, most=24 * 31)

    @property
    def test_origin(self) -> str:
        """The name of the separate ledger for tests."""
        return self.origin + "/test"


@dataclass(frozen=True)
class Timestamps:
    """Independent time (RFC 3161)."""

    authorities: tuple[str, ...] = option(
        (), pattern=r"https?://[^\s#@]+", expected="addresses of authorities"
    )
    retry_seconds: float = option(10.0, least=0.1, most=_DAY)
    largest_lag_hours: float = option(24.0, least=0.1, most=24 * 31)


@dataclass(frozen=True)
class Retention:
    """How long content is kept; receipts and the ledger stay."""

    run_hours: float = option(24.0, least=0.01, most=24 * 31)
    default_days: int = option(3650, least=1, most=36_600)


@dataclass(frozen=True)
class Demo:
    """The demonstration's foreign document systems."""

    soap_port: int = option(8301, least=1, most=65_535)
    rest_port: int = option(8302, least=1, most=65_535)


@dataclass(frozen=True)
class Log:
    """What the hub writes about its own work."""

    level: str = option("INFO", choices=("DEBUG", "INFO", "WARNING", "ERROR"))
    format: str = option("json", choices=("json", "console"))


@dataclass(frozen=True)
class Settings:
    """All options, read once at start; every path is absolute.

    Attributes:
        home: the folder of everything the hub keeps by default.
        profile: ``embedded`` (nothing to install) or ``scaled``.
    """

    home: Path
    profile: str = "embedded"
    hub: Hub = field(default_factory=Hub)
    web: Web = field(default_factory=Web)
    worker: Worker = field(default_factory=Worker)
    routes: Routes = field(default_factory=Routes)
    database: Database = field(default_factory=Database)
    payloads: Payloads = field(default_factory=Payloads)
    broker: Broker = field(default_factory=Broker)
    keys: Keys = field(default_factory=Keys)
    trust: Trust = field(default_factory=Trust)
    limits: Limits = field(default_factory=Limits)
    uploads: Uploads = field(default_factory=Uploads)
    retry: Retry = field(default_factory=Retry)
    lifecycle: Lifecycle = field(default_factory=Lifecycle)
    outgoing: Outgoing = field(default_factory=Outgoing)
    adapters: Adapters = field(default_factory=Adapters)
    mail: Mail = field(default_factory=Mail)
    push: Push = field(default_factory=Push)
    webhooks: Webhooks = field(default_factory=Webhooks)
    news: News = field(default_factory=News)
    tokens: Tokens = field(default_factory=Tokens)
    soap: Soap = field(default_factory=Soap)
    evidence: Evidence = field(default_factory=Evidence)
    ledger: Ledger = field(default_factory=Ledger)
    timestamps: Timestamps = field(default_factory=Timestamps)
    retention: Retention = field(default_factory=Retention)
    demo: Demo = field(default_factory=Demo)
    log: Log = field(default_factory=Log)


SECTIONS: dict[str, type] = {
    name: kind
    for name, kind in get_type_hints(Settings).items()
    if isinstance(kind, type) and is_dataclass(kind)
}
"""The sections of the settings by their name in the file."""
