# shellcheck shell=bash
# The services: settings, migrations, start and stop. Sourced; needs the libraries of servers.sh, database.sh, and $BINARIES, the folder of
# the built programs.

readonly SERVICES=(auth task-api poller notifier provider-sim)

settings_file() {
    printf '%s/settings/%s.toml' "$PLATFORM_HOME" "$1"
}

# configure_services DATABASE: writes the settings file of each service.
configure_services() {
    local name secrets=$PLATFORM_HOME/secrets
    # They are read from their files by the services.
    for name in media-links provider-key sign-in-codes google-client wechat-app; do
        secret "$name" >/dev/null
    done
    (umask 077 && printf 'redis://:%s@127.0.0.1:%s/0' "$(secret redis)" "${PORT[redis]}" >"$secrets/redis-url")

    install -d -m 700 "$PLATFORM_HOME/settings"
    for name in "${SERVICES[@]}"; do
        fill_template "$ROOT/deploy/config/$name.toml" \
            "HOME=$PLATFORM_HOME" \
            "SECRETS=$secrets" \
            "DATABASE=$1" \
            "PORT=${PORT[$name]:-}" \
            "INTERNAL_PORT=${PORT[$name-internal]}" \
            "POSTGRES_PORT=${PORT[postgres]}" \
            "RABBITMQ_PORT=${PORT[rabbitmq]}" \
            "GATEWAY_URL=http://127.0.0.1:${PORT[gateway]}" \
            "PROVIDER_URL=http://127.0.0.1:${PORT[provider-sim]}" >"$(settings_file "$name")"
    done
}

# The keys that sign and verify tokens, made on first use.
make_keys() {
    local keys=$PLATFORM_HOME/secrets/keys
    [[ ! -s $keys/signing-keys.json ]] || return 0
    rm -rf "$keys" "$keys.new"
    "$BINARIES/auth" keys generate --out "$keys.new" >"$(log_file keys)" 2>&1 ||
        fail_with_log "$(log_file keys)" "the signing keys could not be made"
    mv "$keys.new" "$keys"
}

migrate_service() {
    local log
    log=$(log_file "$1-migrate")
    "$BINARIES/$1" migrate --config "$(settings_file "$1")" >"$log" 2>&1 || fail_with_log "$log" "the migration of $1 failed"
}

# Brings every schema up to date, side by side: each service touches its own alone.
migrate_services() {
    local name with_schema=()
    for name in "${SERVICES[@]}"; do
        [[ -z $(schema_of "$name") ]] || with_schema+=("$name")
    done
    each_server migrate_service "${with_schema[@]}"
}

# What a service runs from: a change of its program or of its settings is a reason to start it anew.
service_stamp() {
    stat -c '%i %Y %s' "$BINARIES/$1"
    cksum <"$(settings_file "$1")"
}

# Whether the service runs, from the present program with the present settings.
runs_up_to_date() {
    is_alive "$1" && [[ $(service_stamp "$1") == "$(cat "$PLATFORM_HOME/run/$1.stamp" 2>/dev/null)" ]]
}

start_service() {
    if runs_up_to_date "$1"; then
        return
    fi
    stop_service "$1"
    service_stamp "$1" >"$PLATFORM_HOME/run/$1.stamp"
    spawn "$1" "$BINARIES/$1" serve --config "$(settings_file "$1")"
}

stop_service() {
    signal_process "$1" TERM
    # The service forces its own end after 30 s.
    await_end "$1" 35
}

service_is_ready() {
    curl -fs -m 2 -o /dev/null "http://127.0.0.1:${PORT[$1-internal]}/readyz"
}

await_service() {
    wait_until_ready "$1" 60 service_is_ready "$1"
    say "$1 is ready"
}

start_services() {
    each_server start_service "${SERVICES[@]}"
    each_server await_service "${SERVICES[@]}"
}

stop_services() {
    each_server stop_service "${SERVICES[@]}"
}
