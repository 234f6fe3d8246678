# shellcheck shell=bash
# Which part may use which. Sourced; needs messages.sh and checkout.sh.

check_layers() {
    local wrong
    wrong=$(cargo metadata --format-version 1 --no-deps --manifest-path "$ROOT/Cargo.toml" | jq -r -f "$ROOT/scripts/lib/layers.jq")
    [[ -z $wrong ]] || fail "dependencies that point the wrong way:"$'\n'"$wrong"
}

# Queries are written in the store of a service and nowhere else. What an error or a migration is called may be known outside.
check_stores() {
    local wrong
    wrong=$(grep -rnE '\b(diesel|diesel_async|tokio_postgres)::' --include='*.rs' "$ROOT"/services/*/src |
        grep -vE '^[^:]*/store(/|\.rs)' | grep -vE 'diesel::result::(Error|QueryResult|OptionalExtension)\b' || true)
    [[ -z $wrong ]] || fail "diesel outside of a store:"$'\n'"$wrong"
}
