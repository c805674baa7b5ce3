#!/bin/sh
# The programs of tools/system-packages.txt: sh tools/system-packages.sh install|report run|scaled|test|mayan
#
# install: on Debian, installs what is missing, and starts none of its services. Never fails.
#          INSTALL=0: installs nothing. INSTALL unset: only as root, and after a try that did not bring
#          everything only an hour later. INSTALL=1: at once, as root or with sudo if it asks nothing.
# report:  says what is missing and what is therefore not checked; says nothing when all is there.
set -eu
cd "$(dirname "$0")/.."

task=${1:?install or report}
set_name=${2:?run, scaled, test or mayan}
tried=.venv/.system-$set_name
policy=/usr/sbin/policy-rc.d

# Lines of the table that belong to the set and whose check fails.
missing() {
    while IFS='|' read -r set_of check packages checked; do
        [ "$(echo $set_of)" = "$set_name" ] || continue
        sh -c "$check" </dev/null >/dev/null 2>&1 || printf '%s|%s\n' "$packages" "$checked"
    done <tools/system-packages.txt
}

# How to become root; fails where that is not wanted or not possible.
as_root() {
    command -v apt-get >/dev/null 2>&1 && [ "${INSTALL:-}" != 0 ] || return 1
    [ "$(id -u)" != 0 ] || return 0
    [ "${INSTALL:-}" = 1 ] && sudo -n true 2>/dev/null || return 1
    echo "sudo -n"
}

# Tests start servers of their own: an installed one must not begin to run here by itself.
start_nothing() {
    [ ! -e "$policy" ] || return 0
    printf '#!/bin/sh\nexit 101\n' | $root tee "$policy" >/dev/null && $root chmod 755 "$policy"
    trap '$root rm -f "$policy"' EXIT
    trap 'exit 130' INT TERM HUP
}

install_missing() {
    packages=$(missing | cut -d'|' -f1 | tr '\n' ' ')
    [ -n "$packages" ] || return 0
    root=$(as_root) || return 0
    [ "${INSTALL:-}" = 1 ] || [ -z "$(find "$tried" -mmin -60 2>/dev/null)" ] || return 0
    mkdir -p "$(dirname "$tried")" && : >"$tried"
    echo "wasl: installing with apt-get: $packages" >&2
    start_nothing || true
    timeout 300 $root apt-get update -qq </dev/null >/dev/null 2>&1 || true
    for package in $packages; do
        timeout 600 $root env DEBIAN_FRONTEND=noninteractive \
            apt-get install -y -qq --no-install-recommends "$package" </dev/null >/dev/null 2>&1 || true
    done
}

report_missing() {
    missing | while IFS='|' read -r packages checked; do
        echo "wasl: NOT CHECKED:$checked; to have it checked, install:$packages(INSTALL=1 does)" >&2
    done
}

case $task in
install) install_missing ;;
report) report_missing ;;
*) echo "install or report" >&2; exit 2 ;;
esac
