# Puts chatbench on the PATH, from an environment of its own whose Python shadows nobody's. Of the action: see action.yml.
set -euo pipefail

[ "${INPUT_INSTALL:-}" != none ] || exit 0

place="$RUNNER_TEMP/chatbench"
wanted="${INPUT_INSTALL:-$GITHUB_ACTION_PATH}"

# A job may use the action several times.
if [ "$(cat "$place/installed" 2>/dev/null || true)" != "$wanted" ]; then
    if ! python3 -c 'import sys; sys.exit(sys.version_info < (3, 11))'; then
        echo "::error title=chatbench::it needs Python 3.11 or newer, found $(python3 -V 2>&1): set python-version" >&2
        exit 104
    fi
    rm -rf "$place"
    python3 -m venv "$place/venv"
    "$place/venv/bin/pip" install --quiet --disable-pip-version-check "$wanted"
    mkdir "$place/bin"
    ln -s "$place/venv/bin/chatbench" "$place/bin/chatbench"
    printf '%s' "$wanted" >"$place/installed"
fi
echo "$place/bin" >>"$GITHUB_PATH"
