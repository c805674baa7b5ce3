"""What the demonstration says that it runs on."""

from __future__ import annotations

from gateway.cli.demo.engines import engines
from gateway.settings import load

SCALED = {
    "WASL_PROFILE": "scaled",
    "WASL_DATABASE_URL": "postgresql://hub:for-nobody@db.example:5433/letters?sslmode=verify-full",
    "WASL_BROKER_URL": "amqps://hub:for-nobody@mq.example/hub",
    "WASL_PAYLOADS_KIND": "s3",
    "WASL_PAYLOADS_S3_ENDPOINT": "https://s3.example",
    "WASL_PAYLOADS_S3_BUCKET": "content",
    "WASL_WORKER_POLL_SECONDS": "5",
}


def test_the_scaled_shape_names_its_servers_without_their_credentials() -> None:
    assert engines(load(SCALED)) == [
        "database: PostgreSQL, letters at db.example:5433",
        "delivery: 2 worker processes, woken over RabbitMQ, hub at mq.example, and looking every 5 s besides",
        "content: encrypted objects in the bucket content at https://s3.example",
    ]


def test_a_database_behind_a_socket_is_named_by_its_folder() -> None:
    settings = load({**SCALED, "WASL_DATABASE_URL": "postgresql://hub@/letters?host=/run/postgresql"})
    assert engines(settings)[0] == "database: PostgreSQL, letters at /run/postgresql"


def test_the_embedded_shape_needs_nobody() -> None:
    database, work, content = engines(load({"WASL_HOME": "/srv/hub"}))
    assert database == "database: SQLite, /srv/hub/wasl.sqlite3"
    assert work == "delivery: 1 worker process, looking every 1 s"
    assert content == "content: encrypted files in /srv/hub/payloads"
