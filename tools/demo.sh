#!/bin/sh
# The demonstration from nothing: sh tools/demo.sh [--keep]
#
# With WASL_PROFILE=scaled it runs on PostgreSQL, RabbitMQ and an object store, which are started for it
# unless the environment names them (see tools/services). What they keep ends with them, so the home that
# belongs to it is made anew as well; a named database keeps its home.
set -eu
cd "$(dirname "$0")/.."

if [ "${WASL_PROFILE:-embedded}" != scaled ]; then
    sh tools/system-packages.sh install run
    sh tools/bootstrap.sh demo
    sh tools/system-packages.sh report run
    exec .venv/bin/wasl demo "$@"
fi

sh tools/system-packages.sh install scaled
sh tools/bootstrap.sh demo,scale,stand-ins
sh tools/system-packages.sh report scaled
if [ -z "${WASL_HOME:-}" ]; then
    WASL_HOME=var/scaled
    export WASL_HOME
    [ -n "${WASL_DATABASE_URL:-}${WASL_TEST_DATABASE_URL:-}" ] || rm -rf "$WASL_HOME"
fi
exec .venv/bin/python -m tools.services -- .venv/bin/wasl demo "$@"
