#!/bin/sh
# A Mayan EDMS for trials, on loopback: sh tools/mayan.sh FOLDER [PORT] [install]
#
# Makes a virtual environment of its own in FOLDER, installs Mayan EDMS there with SQLite, and starts it on
# 127.0.0.1 (8400 by default); with "install" it only installs. The administrator is "admin", its password lies in
# FOLDER/password. Done once, it needs no network. Its pages lack what only browsers need; its interface for
# programs is whole. Without LibreOffice and tesseract it answers uploads with an error page and keeps the files.
set -eu
folder=${1:?in which folder}
port=${2:-8400}
version=4.12

cd "$(dirname "$0")/.."
sh tools/system-packages.sh install mayan
mkdir -p "$folder"
cd "$folder"
here=$(pwd)

export MAYAN_MEDIA_ROOT="$here/media" PYTHONPATH="$here" DJANGO_SETTINGS_MODULE=wasl_trial
mayan=venv/bin/mayan-edms.py

if [ ! -e installed ]; then
    if [ ! -e venv/installed ]; then
        rm -rf venv
        ${PYTHON:-python3} -m venv venv
        venv/bin/pip install --quiet --disable-pip-version-check "mayan-edms==$version"
        : >venv/installed
    fi
    rm -rf media
    # without a broker of its own, what is to be done is done within each request
    printf 'from mayan.settings.production import *\n\nCELERY_TASK_ALWAYS_EAGER = True\n' >wasl_trial.py
    # not so here, where the search index is begun last
    DJANGO_SETTINGS_MODULE=mayan.settings.production \
        $mayan common_initial_setup --force --no-dependencies >install.log 2>&1
    (umask 077 && venv/bin/python -c 'import secrets; print(secrets.token_urlsafe(18))' >password)
    WASL_TRIAL_PASSWORD=$(cat password) $mayan shell -c '
import os
from django.contrib.auth import get_user_model
user = get_user_model().objects.get(username="admin")
user.set_password(os.environ["WASL_TRIAL_PASSWORD"])
user.save()
' >>install.log 2>&1
    : >installed
fi
[ "${3:-}" != install ] || exit 0
exec $mayan runserver --noreload --insecure "127.0.0.1:$port" >>mayan.log 2>&1
