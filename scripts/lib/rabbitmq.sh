# shellcheck shell=bash
# A private RabbitMQ with its management page, and the name server of Erlang that it needs. Sourced; needs home.sh, ports.sh, processes.sh and
# secrets.sh.

readonly RABBITMQ_USER=zoetrope
readonly RABBITMQ_VHOST=zoetrope

rabbitmq_settings() {
    cat <<CONF
listeners.tcp.1 = 127.0.0.1:${PORT[rabbitmq]}
management.tcp.ip = 127.0.0.1
management.tcp.port = ${PORT[rabbitmq-management]}
default_user = $RABBITMQ_USER
default_pass = $(secret rabbitmq)
default_vhost = $RABBITMQ_VHOST
default_user_tags.administrator = true
# Small journals: a private broker need not keep half a gigabyte in memory.
raft.wal_max_size_bytes = 67108864
CONF
    # Statistics of hundreds of short-lived virtual hosts cost more than the messages.
    [[ $VOLATILE != yes ]] || printf 'management_agent.disable_metrics_collector = true\n'
}

rabbitmq_configure() {
    server_directory rabbitmq
    rabbitmq_settings | server_file rabbitmq rabbitmq.conf
    printf '[rabbitmq_management].\n' | server_file rabbitmq enabled_plugins
    # Only so that the machine's own files in /etc/rabbitmq are not read.
    printf '' | server_file rabbitmq rabbitmq-env.conf
    printf '[].\n' | server_file rabbitmq advanced.config
}

# Without a name server of its own, RabbitMQ would start one that outlives it and that others may come to use.
epmd_start() {
    ! is_alive epmd || return 0
    become rabbitmq
    spawn epmd "${AS[@]}" epmd -address 127.0.0.1 -port "${PORT[epmd]}"
    wait_until_ready epmd 10 epmd -port "${PORT[epmd]}" -names
}

rabbitmq_start() {
    local folder=$PLATFORM_HOME/rabbitmq
    rabbitmq_configure
    epmd_start
    become rabbitmq
    # RUNNING_UNDER_SYSTEMD: the start script then becomes the server, instead of waiting for it as its parent.
    spawn rabbitmq "${AS[@]}" \
        RUNNING_UNDER_SYSTEMD=true \
        RABBITMQ_NODENAME=zoetrope@localhost \
        RABBITMQ_CONF_ENV_FILE="$folder/rabbitmq-env.conf" \
        RABBITMQ_CONFIG_FILE="$folder/rabbitmq.conf" \
        RABBITMQ_ADVANCED_CONFIG_FILE="$folder/advanced.config" \
        RABBITMQ_ENABLED_PLUGINS_FILE="$folder/enabled_plugins" \
        RABBITMQ_MNESIA_BASE="$folder/mnesia" \
        RABBITMQ_LOG_BASE="$folder/log" \
        RABBITMQ_LOGS=- \
        RABBITMQ_PID_FILE="$folder/rabbitmq.pid" \
        RABBITMQ_GENERATED_CONFIG_DIR="$folder/config" \
        RABBITMQ_SCHEMA_DIR="$folder/schema" \
        RABBITMQ_DIST_PORT="${PORT[rabbitmq-distribution]}" \
        ERL_EPMD_PORT="${PORT[epmd]}" \
        ERL_EPMD_ADDRESS=127.0.0.1 \
        ERL_CRASH_DUMP="$folder/erl_crash.dump" \
        RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS='-start_epmd false -kernel inet_dist_use_interface {127,0,0,1}' \
        /usr/lib/rabbitmq/bin/rabbitmq-server
    wait_until_ready rabbitmq 120 rabbitmq_answers
}

# The management page is up before the broker takes connections.
rabbitmq_answers() {
    curl -fs -m 5 -o /dev/null -K - <<<"user = \"$RABBITMQ_USER:$(secret rabbitmq)\"
url = \"http://127.0.0.1:${PORT[rabbitmq-management]}/api/vhosts\"" && (: <"/dev/tcp/127.0.0.1/${PORT[rabbitmq]}")
}

rabbitmq_stop() {
    signal_process rabbitmq TERM
    await_end rabbitmq 60
    signal_process epmd TERM
    await_end epmd 5
}

rabbitmq_kill() {
    kill_process rabbitmq
    kill_process epmd
}
