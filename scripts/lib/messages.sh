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

# fail_with_log FILE MESSAGE: fails, and shows what a log ends with. All in one piece: several may fail at once.
fail_with_log() {
    fail "$2; the last lines of $1:"$'\n'"$(tail -n 20 "$1" 2>&1)"
}
