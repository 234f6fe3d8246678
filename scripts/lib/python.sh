# shellcheck shell=bash
# Python tools in an environment of their own. Sourced; needs messages.sh, checkout.sh and packages.sh.

# Debian's: the wheels that the requirements name were resolved for it.
readonly PYTHON=/usr/bin/python3

# python_environment NAME REQUIREMENTS: makes the environment, or takes the one of last time when the requirements are still the same. Sets
# $PYTHON_TOOLS, the folder of its commands.
python_environment() {
    local home=$ROOT/target/python/$1 requirements=$2 stamp
    require_packages python3-venv
    PYTHON_TOOLS=$home/bin
    stamp=$({ "$PYTHON" --version && cat "$requirements"; } | sha256sum | cut -c 1-64)
    [[ $(cat "$home/stamp" 2>/dev/null) != "$stamp" ]] || return 0
    say "installs $1 and what it needs into target/python"
    rm -rf "$home"
    "$PYTHON" -m venv "$home"
    # What is not named there with its hash is not installed, and nothing is built.
    "$home/bin/pip" install --quiet --disable-pip-version-check --no-input --require-hashes --only-binary :all: \
        --requirement "$requirements" || fail "$1 could not be installed: it comes from PyPI"
    printf '%s\n' "$stamp" >"$home/stamp"
}
