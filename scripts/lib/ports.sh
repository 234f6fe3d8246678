# shellcheck shell=bash
# The ports of a platform: one block, on loopback. Sourced; needs messages.sh and processes.sh.

readonly PORTS_IN_BLOCK=16
declare -A PORT

# use_ports BASE: lays the block out.
use_ports() {
    local base=$1 name offset=0
    if [[ ! $base =~ ^[0-9]{4,5}$ ]] || ((base < 1024 || base + PORTS_IN_BLOCK > 65536)); then
        fail "$base is no base port: 1024 to 65520"
    fi
    for name in gateway auth task-api notifier provider-sim \
        auth-internal task-api-internal poller-internal notifier-internal provider-sim-internal \
        postgres rabbitmq rabbitmq-management rabbitmq-distribution epmd redis; do
        PORT[$name]=$((base + offset))
        offset=$((offset + 1))
    done
}

# Prints the ports on which anything listens on this machine, in hexadecimal, one per line.
listening_ports() {
    awk '$4 == "0A" { sub(/.*:/, "", $2); print $2 }' /proc/net/tcp /proc/net/tcp6 2>/dev/null || true
}

# The process that a port belongs to.
port_owner() {
    case $1 in
        gateway) printf 'nginx' ;;
        task-api*) printf 'task-api' ;;
        provider-sim*) printf 'provider-sim' ;;
        *) printf '%s' "${1%%-*}" ;;
    esac
}

# Names each port that something else has taken, and fails when there is one.
require_free_ports() {
    local name port taken=0 listening
    listening=$(listening_ports)
    for name in "${!PORT[@]}"; do
        is_alive "$(port_owner "$name")" && continue
        port=${PORT[$name]}
        if grep -qx "$(printf '%04X' "$port")" <<<"$listening"; then
            printf 'error: port %s (%s) is taken%s\n' "$port" "$name" "$(listener "$port")" >&2
            taken=1
        fi
    done
    ((taken == 0)) || fail "set ZOETROPE_BASE_PORT to the first of $PORTS_IN_BLOCK free ports, or end what listens there"
}

# Says who listens on a port, as far as this user may know.
listener() {
    local who
    command -v ss >/dev/null || return 0
    who=$(ss -Hltnp "sport = :$1" 2>/dev/null | grep -o '"[^"]*",pid=[0-9]*' | head -n 1 | sed 's/"\([^"]*\)",pid=/\1, process /') || true
    [[ -z $who ]] || printf ' by %s' "$who"
}

# Prints the base of a block where nothing listens. It lies below the ports that the kernel gives to outgoing connections.
free_block() {
    local first=20000 blocks=480 attempt base port listening
    listening=$(listening_ports)
    for ((attempt = 0; attempt < 100; attempt++)); do
        base=$((first + RANDOM % blocks * PORTS_IN_BLOCK))
        for ((port = base; port < base + PORTS_IN_BLOCK; port++)); do
            grep -qx "$(printf '%04X' "$port")" <<<"$listening" && continue 2
        done
        printf '%s' "$base"
        return
    done
    fail "there is no block of $PORTS_IN_BLOCK free ports"
}
