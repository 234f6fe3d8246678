# shellcheck shell=bash
# A private PostgreSQL. Sourced; needs home.sh, ports.sh, processes.sh and secrets.sh.

# The directory of the server's programs: those that made the data, else the newest.
postgres_programs() {
    local version='*' programs
    [[ ! -s $PLATFORM_HOME/postgres/data/PG_VERSION ]] || version=$(<"$PLATFORM_HOME/postgres/data/PG_VERSION")
    programs=$(compgen -G "/usr/lib/postgresql/$version/bin/postgres" | sort -V | tail -n 1)
    [[ -n $programs ]] || fail "PostgreSQL $version, which made $PLATFORM_HOME/postgres/data, is not installed"
    dirname "$programs"
}

postgres_initialise() {
    local log
    [[ ! -d $PLATFORM_HOME/postgres/data ]] || return 0
    server_directory postgres
    # An interrupted attempt leaves only this behind.
    rm -rf "$PLATFORM_HOME/postgres/data.new"
    secret postgres | server_file postgres password
    become postgres
    log=$(log_file postgres-initialisation)
    if ! (cd / && "${AS[@]}" "$(postgres_programs)/initdb" -D "$PLATFORM_HOME/postgres/data.new" -U postgres --auth=scram-sha-256 \
        --pwfile="$PLATFORM_HOME/postgres/password" -E UTF8 --locale=C.UTF-8 --data-checksums) >"$log" 2>&1; then
        fail_with_log "$log" "the data folder of PostgreSQL could not be made"
    fi
    rm "$PLATFORM_HOME/postgres/password"
    mv "$PLATFORM_HOME/postgres/data.new" "$PLATFORM_HOME/postgres/data"
}

postgres_start() {
    local durability=()
    postgres_initialise
    if [[ $VOLATILE == yes ]]; then
        durability=(-c fsync=off -c synchronous_commit=off -c full_page_writes=off)
    fi
    become postgres
    # No Unix socket: its path may not be longer than 107 bytes, which a checkout's can be.
    spawn postgres "${AS[@]}" "$(postgres_programs)/postgres" -D "$PLATFORM_HOME/postgres/data" \
        -c listen_addresses=127.0.0.1 -c "port=${PORT[postgres]}" -c unix_socket_directories= \
        -c max_connections=400 -c shared_buffers=256MB -c log_line_prefix='%m [%p] %u@%d ' "${durability[@]}"
    wait_until_ready postgres 60 "$(postgres_programs)/pg_isready" -q -h 127.0.0.1 -p "${PORT[postgres]}" -t 1
}

# Fast shutdown: sessions are ended, nothing is lost.
postgres_stop() {
    signal_process postgres INT
    await_end postgres 60
}

# Immediate shutdown: what a crash leaves, but the server's children end as well.
postgres_kill() {
    signal_process postgres QUIT
    await_end postgres 5
}

# psql as the superuser, with the SQL on standard input.
superuser_sql() {
    PGPASSWORD=$(secret postgres) "$(postgres_programs)/psql" -X -q -v ON_ERROR_STOP=1 -h 127.0.0.1 -p "${PORT[postgres]}" -U postgres \
        -d postgres "$@"
}
