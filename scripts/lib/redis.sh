# shellcheck shell=bash
# A private Redis. Sourced; needs home.sh, ports.sh, processes.sh and secrets.sh.

redis_settings() {
    cat <<CONF
bind 127.0.0.1
port ${PORT[redis]}
dir $PLATFORM_HOME/redis
requirepass $(secret redis)
appendonly yes
save ""
CONF
}

redis_start() {
    server_directory redis
    redis_settings | server_file redis redis.conf
    become redis
    spawn redis "${AS[@]}" redis-server "$PLATFORM_HOME/redis/redis.conf"
    wait_until_ready redis 30 redis_answers
}

redis_answers() {
    [[ $(REDISCLI_AUTH=$(secret redis) redis-cli -h 127.0.0.1 -p "${PORT[redis]}" ping) == PONG ]]
}

redis_stop() {
    signal_process redis TERM
    await_end redis 30
}

redis_kill() {
    kill_process redis
}
