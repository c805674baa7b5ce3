#!/bin/sh
# The programs of tools/system-packages.txt: sh tools/system-packages.sh install|report run|test
#
# install: on Debian as root, installs what is missing; otherwise does nothing. Never fails. After a
#          try that did not bring everything, it waits an hour before the next.
# report:  says what is missing and what is therefore not checked; says nothing when all is there.
set -eu
cd "$(dirname "$0")/.."

task=${1:?install or report}
set_name=${2:?run or test}
tried=.venv/.system-$set_name

# Lines of the table that belong to the set and whose check fails.
missing() {
    while IFS='|' read -r set_of check packages checked; do
        [ "$(echo $set_of)" = "$set_name" ] || continue
        sh -c "$check" </dev/null >/dev/null 2>&1 || printf '%s|%s\n' "$packages" "$checked"
    done <tools/system-packages.txt
}

install_missing() {
    packages=$(missing | cut -d'|' -f1 | tr '\n' ' ')
    [ -n "$packages" ] || return 0
    [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1 || return 0
    [ -z "$(find "$tried" -mmin -60 2>/dev/null)" ] || return 0
    mkdir -p "$(dirname "$tried")" && : >"$tried"
    echo "wasl: installing with apt-get: $packages" >&2
    timeout 300 apt-get update -qq </dev/null >/dev/null 2>&1 || true
    for package in $packages; do
        DEBIAN_FRONTEND=noninteractive timeout 600 \
            apt-get install -y -qq --no-install-recommends "$package" </dev/null >/dev/null 2>&1 || true
    done
}

report_missing() {
    missing | while IFS='|' read -r packages checked; do
        echo "wasl: NOT CHECKED:$checked; to have it checked, install:$packages" >&2
    done
}

case $task in
install) install_missing ;;
report) report_missing ;;
*) echo "install or report" >&2; exit 2 ;;
esac
