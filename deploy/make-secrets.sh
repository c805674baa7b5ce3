#!/bin/sh
# Makes the secrets of compose.yaml in deploy/secrets/, once: sh deploy/make-secrets.sh
#
# The folder is closed to others on this machine; the files in it are readable, because each container
# reads them under an account of its own. Nothing that exists is changed.
set -eu
cd "$(dirname "$0")"
umask 077
mkdir -p secrets
cd secrets

chance() { od -An -N24 -tx1 /dev/urandom | tr -d ' \n'; }

keep() { # NAME: from standard input, unless it is there
    if [ -e "$1" ]; then cat >/dev/null; else cat >"$1"; fi
    chmod 0444 "$1"
}

chance | keep database-password
chance | keep broker-password
chance | keep s3-access-key
chance | keep s3-secret-key
printf 'default_user = wasl\ndefault_vhost = wasl\ndefault_pass = %s\n' "$(cat broker-password)" | keep broker-account.conf
printf '{"identities": [{"name": "wasl", "credentials": [{"accessKey": "%s", "secretKey": "%s"}], "actions": ["Read:wasl", "Write:wasl", "List:wasl"]}]}\n' \
    "$(cat s3-access-key)" "$(cat s3-secret-key)" | keep objects-accounts.json
