#!/bin/sh
# Makes .venv and installs the project into it with extras: sh tools/bootstrap.sh demo|demo,scale,stand-ins|test
#
# Needs Python 3.11 or newer. Does nothing, and needs no network, when the extras are installed already
# and nothing that decides about the installation has changed since.
set -eu
cd "$(dirname "$0")/.."

extra=${1:?which extras: demo or test}
venv=.venv
python=$venv/bin/python
pins=requirements/constraints.txt

say() { printf '%s\n' "wasl: $*" >&2; }

recent() { "$1" -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1; }

usable() { recent "$python" && "$python" -m pip --version >/dev/null 2>&1; }

debian_root() { [ "${INSTALL:-}" != 0 ] && [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; }

apt_install() {
    debian_root || return 1
    say "installing $* with apt-get"
    timeout 300 apt-get update -qq </dev/null >/dev/null 2>&1 || true
    DEBIAN_FRONTEND=noninteractive timeout 600 \
        apt-get install -y -qq --no-install-recommends "$@" </dev/null >/dev/null 2>&1
}

find_python() {
    for name in ${PYTHON:-} python3.13 python3.12 python3.11 python3; do
        if recent "$name"; then
            printf '%s\n' "$name"
            return
        fi
    done
    return 1
}

# Each way is tried in turn; what a failed one left behind is removed.
make_venv() {
    "$1" -m venv "$venv" >/dev/null 2>&1 && usable && return
    rm -rf "$venv"
    "$1" -m virtualenv -q "$venv" >/dev/null 2>&1 && usable && return
    rm -rf "$venv"
    virtualenv -q -p "$1" "$venv" >/dev/null 2>&1 && usable && return
    rm -rf "$venv"
    uv venv -q --seed --python "$1" "$venv" >/dev/null 2>&1 && usable && return
    rm -rf "$venv"
    apt_install python3-venv && "$1" -m venv "$venv" >/dev/null 2>&1 && usable && return
    rm -rf "$venv"
    return 1
}

fingerprint() { cat setup.cfg pyproject.toml "$pins" gateway/__init__.py tools/bootstrap.sh | cksum; }

stamp=$venv/.wasl-$extra
if [ -f "$stamp" ] && [ "$(cat "$stamp")" = "$(fingerprint)" ] && usable; then
    exit 0
fi

if ! usable; then
    chosen=$(find_python) || {
        apt_install python3 python3-venv || true
        chosen=$(find_python)
    } || {
        say "Python 3.11 or newer is missing: install it, then run the same command again."
        exit 1
    }
    rm -rf "$venv"
    say "making $venv with $chosen"
    make_venv "$chosen" || {
        say "$chosen cannot make a virtual environment: install its venv module (Debian: apt-get install python3-venv), virtualenv or uv, then run the same command again."
        exit 1
    }
fi

say "installing the project with its extra [$extra]; the first time takes a minute"
# The build tool is installed beside the project, so that a change of setup.cfg that brings no new
# package needs no network.
"$python" -m pip install -qq --disable-pip-version-check -c "$pins" setuptools
"$python" -m pip install -qq --disable-pip-version-check -c "$pins" --no-build-isolation -e ".[$extra]"
fingerprint >"$stamp"
