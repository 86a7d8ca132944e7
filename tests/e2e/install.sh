#!/usr/bin/env bash
# Creates a virtual environment with the packages of one list of pinned requirements, and no others.
# make calls it: install.sh PYTHON DIRECTORY LIST. It installs nothing outside DIRECTORY.
set -euo pipefail

python=$1 directory=$2 list=$3

if ! command -v "$python" >/dev/null; then
    echo "\`$python\` was not found. Install Python 3.11 or newer, or name it: make PYTHON=python3.12 …" >&2
    exit 1
fi
if ! "$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
    echo "make needs Python 3.11 or newer, and \`$python\` is $("$python" --version 2>&1 | head -n 1)." \
        "Install a newer one, or name it: make PYTHON=python3.12 …" >&2
    exit 1
fi
if ! "$python" -c 'import ensurepip, venv' 2>/dev/null; then
    echo "\`$python\` has no venv module. On Debian and Ubuntu: apt install python3-venv" >&2
    exit 1
fi

echo "installing $(grep -c '==' "$list") Python packages into $directory (about a minute)"
rm -rf "$directory"
"$python" -m venv "$directory"
# --no-compile: most of the packages' modules are never imported.
"$directory/bin/python" -m pip install --quiet --disable-pip-version-check --no-compile --no-deps --requirement "$list"
# make looks for this file. It is written last, so that an installation that was interrupted is done again.
touch "$directory/installed"
