# shellcheck shell=bash
# The folder that holds everything of one platform: data, secrets, logs, process ids. Sourced; needs messages.sh and checkout.sh.
#
# $PLATFORM_HOME is that folder. As root, servers run as the users of their packages, who must be able to pass through it to their own.

# server_user postgres|rabbitmq|redis|nginx: whom the server runs as, when root starts it.
server_user() {
    if [[ $1 == nginx ]]; then printf 'www-data'; else printf '%s' "$1"; fi
}

# Sets the array AS: the words that run a command as a server's user, with nothing of our environment.
become() {
    AS=(env -i "HOME=$PLATFORM_HOME/$1" PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin LANG=C.UTF-8)
    if is_root; then
        local user
        user=$(server_user "$1")
        AS=(setpriv --reuid "$user" --regid "$user" --init-groups "${AS[@]}")
    fi
}

# server_directory SERVER [SUBFOLDER]: makes a folder that only this server can read.
server_directory() {
    local owner=()
    if is_root; then
        owner=(-o "$(server_user "$1")" -g "$(server_user "$1")")
    fi
    install -d -m 700 "${owner[@]}" "$PLATFORM_HOME/$1${2:+/$2}"
}

# server_file SERVER NAME: writes standard input to a file in the server's folder that only it can read.
server_file() {
    local path=$PLATFORM_HOME/$1/$2
    (umask 077 && cat >"$path.new")
    if is_root; then
        chown "$(server_user "$1"):$(server_user "$1")" "$path.new"
    fi
    mv "$path.new" "$path"
}

# Whether an unprivileged user can pass through a folder. Only root has servers of other users.
strangers_can_enter() {
    ! is_root || setpriv --reuid 65534 --regid 65534 --clear-groups test -x "$1"
}

# use_home DIRECTORY: takes this folder, and makes it when it is not there.
use_home() {
    PLATFORM_HOME=$(realpath -m "$1")
    install -d -m 711 "$PLATFORM_HOME"
    install -d -m 755 "$PLATFORM_HOME/run"
    install -d -m 700 "$PLATFORM_HOME/logs" "$PLATFORM_HOME/secrets"
    strangers_can_enter "$PLATFORM_HOME" ||
        fail "the servers' users (postgres, rabbitmq, redis, www-data) cannot enter $PLATFORM_HOME: choose another folder"
}

# Prints where the development platform lives.
development_home() {
    if [[ -n ${ZOETROPE_HOME:-} ]]; then
        realpath -m "$ZOETROPE_HOME"
    elif strangers_can_enter "$ROOT"; then
        printf '%s/.zoetrope' "$ROOT"
    else
        printf '/var/lib/zoetrope-%s' "$(checkout_id)"
    fi
}
