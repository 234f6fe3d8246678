# shellcheck shell=bash
# Background processes that outlive the script which started them. Sourced; needs messages.sh and $PLATFORM_HOME.
#
# A process is known by its id and the moment of its start, both in run/NAME.pid: an id alone may belong to a stranger by now.

pid_file() {
    printf '%s/run/%s.pid' "$PLATFORM_HOME" "$1"
}

log_file() {
    printf '%s/logs/%s.log' "$PLATFORM_HOME" "$1"
}

# Prints the start of a process in clock ticks since boot; fails when there is no such process. A zombie is gone: process 1 of a container
# may never reap it.
process_start() {
    local stat fields
    { read -r stat <"/proc/$1/stat"; } 2>/dev/null || return 1
    # The name, in parentheses, may contain anything. Of what follows, the first is the state and the twentieth the start.
    read -ra fields <<<"${stat##*) }"
    [[ ${fields[0]} != [ZX] ]] || return 1
    printf '%s' "${fields[19]}"
}

# Prints the id of a process that we started and that still lives.
live_pid() {
    local pid start
    { read -r pid start <"$(pid_file "$1")"; } 2>/dev/null || return 1
    [[ $(process_start "$pid") == "$start" ]] || return 1
    printf '%s' "$pid"
}

is_alive() {
    live_pid "$1" >/dev/null
}

# spawn NAME COMMAND…: starts a process that nobody's Ctrl-C or logout reaches. The log of its predecessor is kept as NAME.log.1.
spawn() {
    local name=$1 log pid
    shift
    log=$(log_file "$name")
    [[ ! -e $log ]] || mv "$log" "$log.1"
    # Descriptor 9 is the lock of the script.
    (cd / && exec setsid "$@") </dev/null >"$log" 2>&1 9>&- &
    pid=$!
    printf '%s %s\n' "$pid" "$(process_start "$pid" || true)" >"$(pid_file "$name")"
}

# require_alive NAME…: fails at the first process that is gone, with the end of its log.
require_alive() {
    local name
    for name in "$@"; do
        is_alive "$name" || fail_with_log "$(log_file "$name")" "$name does not run any more"
    done
}

# wait_until_ready NAME SECONDS PROBE…: fails when the process ends first, or takes longer.
wait_until_ready() {
    local name=$1 deadline=$((SECONDS + $2))
    shift 2
    until "$@" >/dev/null 2>&1; do
        if ! is_alive "$name"; then
            fail_with_log "$(log_file "$name")" "$name ended while it started"
        fi
        if ((SECONDS > deadline)); then
            fail_with_log "$(log_file "$name")" "$name did not get ready in time"
        fi
        sleep 0.05
    done
}

# signal_process NAME SIGNAL: quietly does nothing when the process is gone.
signal_process() {
    local pid
    pid=$(live_pid "$1") || return 0
    kill "-$2" "$pid" 2>/dev/null || ! is_alive "$1" || fail "$1 (process $pid) cannot be ended: it belongs to another user"
}

# await_end NAME SECONDS: waits for the end of a process, and ends it by force when it takes longer.
await_end() {
    local name=$1 deadline=$((SECONDS + $2)) pid
    while pid=$(live_pid "$name"); do
        if ((SECONDS > deadline)); then
            warn "$name did not end in $2 s and is killed"
            kill_process "$name"
            return
        fi
        sleep 0.05
    done
    rm -f "$(pid_file "$name")"
}

# Ends a process and all that it started in its session, at once.
kill_process() {
    local name=$1 pid
    if pid=$(live_pid "$name"); then
        kill -KILL -- "-$pid" || fail "$name (process $pid) cannot be ended: it belongs to another user"
        while is_alive "$name"; do sleep 0.02; done
    fi
    rm -f "$(pid_file "$name")"
}
