#!/usr/bin/env bash
# Installs Debian packages, without letting them start the servers that they bring. Runs as root.
set -euo pipefail

# Debian asks this program before a package starts its server. One that the machine's owner put there is left as it is.
readonly POLICY=/usr/sbin/policy-rc.d

log=$(mktemp)
guard=

clean_up() {
    rm -f "$log"
    [[ -z $guard ]] || rm -f "$POLICY"
}
trap clean_up EXIT
# An interrupted installation must not leave the guard behind either.
trap 'exit 130' INT TERM

if [[ ! -e $POLICY ]]; then
    guard=yes
    printf '#!/bin/sh\nexit 101\n' >"$POLICY"
    chmod 755 "$POLICY"
fi

apt() {
    if ! DEBIAN_FRONTEND=noninteractive apt-get -q -o DPkg::Lock::Timeout=300 "$@" >"$log" 2>&1; then
        tail -n 20 "$log" >&2
        printf 'error: apt-get %s failed\n' "$1" >&2
        exit 1
    fi
}

apt update
apt install --yes --no-install-recommends "$@"
