# shellcheck shell=bash
# Servers of a command's own, in a temporary home that goes with the command: tests, chaos, benchmarks. Sourced; needs the libraries of
# servers.sh, packages.sh, database.sh and services.sh, sweep.sh, and $BINARIES once the services are built.
#
# A command has one or more sets of servers. Programs find a set by environment variables that begin with its prefix.

readonly TEMPLATE=zoetrope_template

declare -A SET_BASE=() SET_PREFIX=() SET_VOLATILE=()
# In the order of their declaration.
SETS=()

# open_private_home KIND: makes the home. It is removed when the command ends, and by the next of its kind when the command was killed.
open_private_home() {
    local temporary=${TMPDIR:-/tmp} homes
    strangers_can_enter "$temporary" || temporary=/tmp
    homes=$temporary/zoetrope-$1-$(checkout_id)
    remove_abandoned_homes "$homes"
    private_home=$(mktemp -d "$homes.XXXXXX")
    readonly private_home
    trap 'remove_home "$private_home"' EXIT
    trap 'exit 130' INT TERM HUP
    printf '%s %s\n' "$$" "$(process_start $$)" >"$private_home/owner"
    chmod 711 "$private_home"
    mkdir -m 755 "$private_home/scratch"
}

# declare_set NAME PREFIX VOLATILE: a set of servers, on ports of its own. VOLATILE is yes where data may be lost with the machine's power.
declare_set() {
    local base
    until base=$(free_block) && [[ " ${SET_BASE[*]} " != *" $base "* ]]; do :; done
    SETS+=("$1")
    SET_BASE[$1]=$base
    SET_PREFIX[$1]=$2
    SET_VOLATILE[$1]=$3
}

use_set() {
    use_home "$private_home/$1"
    use_ports "${SET_BASE[$1]}"
    VOLATILE=${SET_VOLATILE[$1]}
}

in_set() {
    use_set "$1"
    shift
    "$@"
}

# each_set COMMAND…: for all sets, side by side.
each_set() {
    local name pids=() pid
    for name in "${SETS[@]}"; do
        # Not as part of a condition, where the first error would not end it.
        in_set "$name" "$@" &
        pids+=("$!")
    done
    for pid in "${pids[@]}"; do
        wait "$pid" || return 1
    done
}

# start_sets_and COMMAND…: starts all servers while a command, such as a build, runs.
start_sets_and() {
    local servers done=yes
    each_set start_servers "${BACKING_SERVERS[@]}" &
    servers=$!
    "$@" || done=no
    wait "$servers" || fail "the servers did not start"
    [[ $done == yes ]] || fail "the build failed"
}

# The database that every platform copies.
prepare_template() {
    create_database "$TEMPLATE"
    configure_services "$TEMPLATE"
    migrate_services
    require_separate_roles "$TEMPLATE"
    # A database can only be copied while nobody is connected to it.
    superuser_sql <<<"ALTER DATABASE $TEMPLATE IS_TEMPLATE true ALLOW_CONNECTIONS false;"
}

# Tells programs where the servers of the current set are.
export_set() {
    local schema login prefix=${SET_PREFIX[$1]}
    login=$RABBITMQ_USER:$(secret rabbitmq)
    export "${prefix}_POSTGRES_URL=postgres://postgres:$(secret postgres)@127.0.0.1:${PORT[postgres]}/postgres"
    export "${prefix}_AMQP_URL=amqp://$login@127.0.0.1:${PORT[rabbitmq]}"
    export "${prefix}_RABBITMQ_MANAGEMENT_URL=http://$login@127.0.0.1:${PORT[rabbitmq-management]}"
    export "${prefix}_REDIS_URL=redis://:$(secret redis)@127.0.0.1:${PORT[redis]}/0"
    export "${prefix}_SERVERS_HOME=$PLATFORM_HOME" "${prefix}_BASE_PORT=${SET_BASE[$1]}"
    for schema in "${SCHEMAS[@]}"; do
        export "${prefix}_ROLE_PASSWORD_${schema^^}=$(secret "role-$schema")"
    done
}

# Makes keys and databases, and tells programs where everything is.
prepare_sets() {
    local name
    each_set make_keys
    each_set prepare_template
    for name in "${SETS[@]}"; do
        use_set "$name"
        export_set "$name"
    done
    export ZOETROPE_TEST_BIN_DIR=$BINARIES ZOETROPE_TEST_HOME=$private_home/scratch
    ZOETROPE_TEST_NGINX=$(command -v nginx)
    export ZOETROPE_TEST_NGINX ZOETROPE_TEST_GATEWAY_TEMPLATE=$ROOT/deploy/gateway/nginx.conf.template
}

# remove_home DIRECTORY: ends whatever runs from it, and deletes it. The data is worth nothing.
remove_home() {
    end_processes_using "$1"
    rm -rf "$1"
}

# remove_abandoned_homes PREFIX: what a command that was killed could not clean up itself.
remove_abandoned_homes() {
    local home pid start
    for home in "$1".*; do
        [[ -d $home ]] || continue
        { read -r pid start <"$home/owner"; } 2>/dev/null || continue
        [[ $(process_start "$pid") == "$start" ]] || { say "removes what an earlier run left in $home" && remove_home "$home"; }
    done
}
