"""The health doors: alive, and ready."""

from __future__ import annotations

from flask import Blueprint, Response, jsonify

from gateway.exchange.operate.health import Health
from gateway.web.access import public


def blueprint(health: Health) -> Blueprint:
    """The routes ``/health/live`` and ``/health/ready``."""
    doors = Blueprint("health", __name__, url_prefix="/health")

    @doors.get("/live")
    @public
    def live() -> Response:
        return jsonify({"status": "ok"})

    @doors.get("/ready")
    @public
    def ready() -> Response:
        found = health.ready()
        answer = jsonify({"checks": dict(found), "warnings": dict(health.warnings())})
        answer.status_code = 200 if set(found.values()) == {"ok"} else 503
        answer.headers["Cache-Control"] = "no-store"
        return answer

    return doors
