# shellcheck shell=bash
# What the scripts tell the person at the terminal. Sourced.

# Seconds since the script began, for all of its subshells alike.
elapsed() {
    printf '%s' "$SECONDS"
}

# One line per step, with the time: what takes long shows itself.
say() {
    printf '[%3s s] %s\n' "$(elapsed)" "$*"
}

warn() {
    printf 'warning: %s\n' "$*" >&2
}

fail() {
    printf 'error: %s\n' "$*" >&2
    exit 1
}

# last_lines FILE: what a log ends with.
last_lines() {
    printf -- '--- the last lines of %s\n' "$1" >&2
    tail -n 20 "$1" >&2 || true
    printf -- '---\n' >&2
}
