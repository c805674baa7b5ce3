#!/bin/sh
# Runs wasl in a container. PostgreSQL's library takes a password from the environment or from a file that
# belongs to its reader alone, which a mounted secret is not.
set -eu
secret=/run/secrets/database-password
if [ -z "${PGPASSWORD:-}" ] && [ -r "$secret" ]; then
    PGPASSWORD=$(cat "$secret")
    export PGPASSWORD
fi
exec wasl "$@"
