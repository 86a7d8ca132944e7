#!/usr/bin/env bash
# Makes a virtual environment with exactly what a list of pinned packages names.
# Called by make: install.sh PYTHON DIRECTORY LIST. Installs nothing outside the directory.
set -euo pipefail

python=$1 directory=$2 list=$3

if ! command -v "$python" >/dev/null; then
    echo "there is no \`$python\`. Install Python 3.11 or newer, or name it: make PYTHON=python3.12 …" >&2
    exit 1
fi
if ! "$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
    echo "make needs Python 3.11 or newer, and \`$python\` is $("$python" --version 2>&1 | head -n 1)." \
        "Install one, or name it: make PYTHON=python3.12 …" >&2
    exit 1
fi
if ! "$python" -c 'import ensurepip, venv' 2>/dev/null; then
    echo "\`$python\` comes without venv. On Debian and Ubuntu: apt install python3-venv" >&2
    exit 1
fi

echo "installing $(grep -c '==' "$list") Python packages into $directory (about a minute)"
rm -rf "$directory"
"$python" -m venv "$directory"
# --no-compile: most of them are never imported here.
"$directory/bin/python" -m pip install --quiet --disable-pip-version-check --no-compile --no-deps --requirement "$list"
# Written last: half an installation is none.
touch "$directory/installed"
