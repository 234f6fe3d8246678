# shellcheck shell=bash
# What an interrupted test leaves running. Sourced.

# Prints the processes that have a file below a folder open: whatever belongs to a test writes its log there.
processes_using() {
    find /proc/[0-9]*/fd -maxdepth 1 -lname "$1/*" 2>/dev/null | cut -d / -f 3 | sort -u
}

# end_processes_using DIRECTORY: asks them to end, then ends them.
end_processes_using() {
    local signal pids deadline
    for signal in TERM KILL; do
        mapfile -t pids < <(processes_using "$1")
        ((${#pids[@]} > 0)) || return 0
        kill "-$signal" "${pids[@]}" 2>/dev/null || true
        deadline=$((SECONDS + 5))
        while [[ -n $(processes_using "$1") ]] && ((SECONDS < deadline)); do sleep 0.1; done
    done
}
