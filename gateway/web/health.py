"""The health doors: alive, and ready."""

from __future__ import annotations

from flask import Blueprint, Response, jsonify

from gateway.exchange.operate.health import Health
from gateway.i18n import mark
from gateway.web.access import public
from gateway.web.openapi import common
from gateway.web.openapi.described import Described, described, members
from gateway.web.openapi.schema import TEXT, mapping, one_of, record


def blueprint(health: Health) -> Blueprint:
    """The routes ``/health/live`` and ``/health/ready``."""
    doors = Blueprint("health", __name__, url_prefix="/health")

    @doors.get("/live")
    @public
    @described(LIVE)
    def live() -> Response:
        return jsonify({"status": "ok"})

    @doors.get("/ready")
    @public
    @described(READY)
    def ready() -> Response:
        found = health.ready()
        answer = jsonify({"checks": dict(found), "warnings": dict(health.warnings())})
        answer.status_code = 200 if set(found.values()) == {"ok"} else 503
        answer.headers["Cache-Control"] = "no-store"
        return answer

    return doors


LIVE = Described(
    common.STATE,
    mark("Ask whether a process answers"),
    (members(200, mark("It does."), record("Alive", status=one_of(["ok"]))),),
)
_FOUND = record("Readiness", checks=mapping(TEXT), warnings=mapping({}))
READY = Described(
    common.STATE,
    mark("Ask whether the hub can keep its promises now"),
    (
        members(200, mark("It can."), _FOUND),
        members(503, mark("It cannot; the checks say what is out."), _FOUND),
    ),
)
