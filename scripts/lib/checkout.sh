# shellcheck shell=bash
# Where this checkout is and how it is built. Sourced.

ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd -P)
readonly ROOT
# Debian keeps servers where an ordinary user's PATH does not look.
PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin

# A few characters that tell this checkout from others on the machine.
checkout_id() {
    printf '%s' "$ROOT" | sha256sum | cut -c 1-8
}

is_root() {
    [[ $EUID -eq 0 ]]
}

require_cargo() {
    command -v cargo >/dev/null && return
    if [[ -x ${CARGO_HOME:-$HOME/.cargo}/bin/cargo ]]; then
        PATH=${CARGO_HOME:-$HOME/.cargo}/bin:$PATH
    elif [[ -n ${SUDO_USER:-} ]]; then
        fail "$USER has no Rust. Run this as $SUDO_USER, without sudo: it asks for sudo itself, and only to install packages"
    else
        fail "Rust is missing: see https://rustup.rs"
    fi
}

# The directory of the built binaries, for a profile: dev, release or dist.
binary_directory() {
    local target
    target=$(cargo metadata --format-version 1 --no-deps --manifest-path "$ROOT/Cargo.toml" | jq -r .target_directory)
    printf '%s/%s' "$target" "${1/#dev/debug}"
}

# Thousands of connections need as many files.
raise_open_files() {
    ulimit -n "$(ulimit -Hn)"
}
