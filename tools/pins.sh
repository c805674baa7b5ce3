#!/bin/sh
# Writes requirements/constraints.txt anew: the versions that setup.cfg and its extras lead to today.
set -eu
cd "$(dirname "$0")/.."
pins=requirements/constraints.txt
fresh=$(mktemp -d)
trap 'rm -rf "$fresh"' EXIT
python=${PYTHON:-python3}
"$python" -m venv "$fresh/venv"
build_tool=$(sed -n 's/^requires = \["\(.*\)"\]$/\1/p' pyproject.toml)
"$fresh/venv/bin/python" -m pip install -q "$build_tool"
"$fresh/venv/bin/python" -m pip install -q --no-build-isolation ".[demo,test]"
{
    sed -n '/^#/p' "$pins"
    "$fresh/venv/bin/python" -m pip freeze --all | grep -iv -e '^pip==' -e '^wasl' | sort -f
} >"$fresh/pins.txt"
cp "$fresh/pins.txt" "$pins"
