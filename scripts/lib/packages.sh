# shellcheck shell=bash
# Debian packages. Sourced; needs messages.sh and checkout.sh.

# Whether what we need of a package is there, wherever it came from.
package_is_there() {
    case $1 in
        postgresql) compgen -G '/usr/lib/postgresql/*/bin/postgres' >/dev/null ;;
        rabbitmq-server) [[ -x /usr/lib/rabbitmq/bin/rabbitmq-server ]] ;;
        build-essential) command -v cc >/dev/null && command -v c++ >/dev/null ;;
        python3-venv) /usr/bin/python3 -c 'import ensurepip, venv' 2>/dev/null ;;
        ca-certificates) [[ -s /etc/ssl/certs/ca-certificates.crt ]] ;;
        *) command -v "$1" >/dev/null ;;
    esac
}

# require_packages NAME…: installs those that are missing, and needs no privilege when none is.
require_packages() {
    local name missing=() privileged=()
    for name in "$@"; do
        package_is_there "$name" || missing+=("$name")
    done
    ((${#missing[@]} > 0)) || return 0

    command -v apt-get >/dev/null || fail "please install ${missing[*]}: this machine has no apt-get"
    if ! is_root; then
        command -v sudo >/dev/null || fail "please install ${missing[*]}, or run this as root: there is no sudo"
        privileged=(sudo)
    fi
    say "installs Debian packages: ${missing[*]}"
    "${privileged[@]}" bash "$ROOT/scripts/lib/install-packages.sh" "${missing[@]}"
    for name in "${missing[@]}"; do
        package_is_there "$name" || fail "the package $name was installed, but what it should bring is not there"
    done
}

# What servers and services need. The compiler is for the C and C++ parts of crates.
require_platform_packages() {
    require_packages postgresql rabbitmq-server redis-server nginx jq curl ca-certificates build-essential
}
