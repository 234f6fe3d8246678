# shellcheck shell=bash
# Random secrets, made on first use and kept in the platform's folder. Sourced; needs $PLATFORM_HOME.

# Prints a secret by its name. Hexadecimal digits need no quoting in SQL, in a URL or in a settings file.
secret() {
    local file=$PLATFORM_HOME/secrets/$1 new
    if [[ ! -s $file ]]; then
        new=$(mktemp "$file.XXXXXX")
        od -An -N 24 -t x1 /dev/urandom | tr -d ' \n' >"$new"
        # Of two that come at once, the first wins.
        ln "$new" "$file" 2>/dev/null || true
        rm -f "$new"
    fi
    cat "$file"
}
