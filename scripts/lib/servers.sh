# shellcheck shell=bash
# The private servers, one or all. Sourced; needs checkout.sh.

source "$ROOT/scripts/lib/messages.sh"
source "$ROOT/scripts/lib/processes.sh"
source "$ROOT/scripts/lib/home.sh"
source "$ROOT/scripts/lib/ports.sh"
source "$ROOT/scripts/lib/secrets.sh"
source "$ROOT/scripts/lib/template.sh"
source "$ROOT/scripts/lib/postgres.sh"
source "$ROOT/scripts/lib/rabbitmq.sh"
source "$ROOT/scripts/lib/redis.sh"
source "$ROOT/scripts/lib/nginx.sh"

# Whether data may be lost with the machine's power, which makes tests quicker.
VOLATILE=no

# The slowest first: they are started side by side.
readonly BACKING_SERVERS=(rabbitmq postgres redis)

server_title() {
    case $1 in
        postgres) printf 'PostgreSQL' ;;
        rabbitmq) printf 'RabbitMQ' ;;
        redis) printf 'Redis' ;;
        nginx) printf 'nginx' ;;
    esac
}

start_server() {
    if is_alive "$1"; then
        say "$(server_title "$1") runs already"
        return
    fi
    "$1_start"
    say "$(server_title "$1") is ready on port ${PORT[${1/#nginx/gateway}]}"
}

# each_server FUNCTION NAME…: all of them side by side; fails when one does.
each_server() {
    local function=$1 name pid pids=() failed=0
    shift
    for name in "$@"; do
        "$function" "$name" &
        pids+=($!)
    done
    for pid in "${pids[@]}"; do
        wait "$pid" || failed=1
    done
    return "$failed"
}

start_servers() {
    each_server start_server "$@"
}

stop_server() {
    is_alive "$1" || { [[ $1 == rabbitmq ]] && is_alive epmd; } || return 0
    "$1_stop"
    say "$(server_title "$1") is stopped"
}

kill_server() {
    "$1_kill"
}
