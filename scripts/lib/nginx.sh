# shellcheck shell=bash
# The gateway: nginx with the configuration of deploy/gateway. Sourced; needs home.sh, ports.sh, processes.sh and template.sh.

# More would only take memory: nginx sets aside some hundred bytes for each.
readonly MOST_GATEWAY_FILES=65536

# What one worker of the gateway may have open.
gateway_open_files() {
    local limit
    limit=$(ulimit -Hn)
    if [[ $limit == unlimited ]] || ((limit > MOST_GATEWAY_FILES)); then
        limit=$MOST_GATEWAY_FILES
    fi
    printf '%s' "$limit"
}

# Enough for an office behind one address.
readonly DEFAULT_CONNECTIONS_PER_ADDRESS=2000

nginx_configure() {
    server_directory nginx
    # The server's user may not be able to read the checkout.
    server_file nginx api-docs.json <"$ROOT/deploy/gateway/api-docs.json"
    fill_template "$ROOT/deploy/gateway/nginx.conf.template" \
        "LISTEN=127.0.0.1:${PORT[gateway]}" \
        WORKERS=2 \
        "OPEN_FILES=$(gateway_open_files)" \
        "CONNECTIONS_PER_ADDRESS=${ZOETROPE_CONNECTIONS_PER_ADDRESS:-$DEFAULT_CONNECTIONS_PER_ADDRESS}" \
        ALLOWED_ORIGINS= \
        "API_DOCS=$PLATFORM_HOME/nginx/api-docs.json" \
        "AUTH_SERVERS=server 127.0.0.1:${PORT[auth]};" \
        "TASK_API_SERVERS=server 127.0.0.1:${PORT[task-api]};" \
        "NOTIFIER_SERVERS=server 127.0.0.1:${PORT[notifier]} max_fails=0;" |
        server_file nginx nginx.conf
}

nginx_start() {
    [[ -s $PLATFORM_HOME/nginx/nginx.conf ]] || fail "the gateway was never configured: scripts/run does that"
    become nginx
    spawn nginx "${AS[@]}" nginx -p "$PLATFORM_HOME/nginx" -c "$PLATFORM_HOME/nginx/nginx.conf" -e stderr
    wait_until_ready nginx 15 nginx_answers
}

# The gateway's own answer, which needs no service.
nginx_answers() {
    curl -fs -m 2 -o /dev/null "http://127.0.0.1:${PORT[gateway]}/api-docs.json"
}

nginx_stop() {
    signal_process nginx TERM
    await_end nginx 15
}

nginx_kill() {
    kill_process nginx
}
