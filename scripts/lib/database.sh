# shellcheck shell=bash
# The database of the services: one schema and one role for each. Sourced; needs postgres.sh.

readonly SCHEMAS=(auth tasks poller notifier)

# The schema of a service, or nothing.
schema_of() {
    case $1 in
        task-api) printf 'tasks' ;;
        provider-sim) ;;
        *) printf '%s' "$1" ;;
    esac
}

# create_database NAME: makes what is missing. Each role finds its own schema by itself, and can reach no other.
create_database() {
    local schema
    {
        printf "SELECT 'CREATE DATABASE %s' WHERE NOT EXISTS (SELECT FROM pg_database WHERE datname = '%s') \\\\gexec\n" "$1" "$1"
        printf '\\connect %s\n' "$1"
        # "already exists, skipping" is no news.
        printf 'SET client_min_messages = warning;\n'
        printf 'REVOKE ALL ON DATABASE %s, postgres, template1 FROM PUBLIC;\nREVOKE ALL ON SCHEMA public FROM PUBLIC;\n' "$1"
        for schema in "${SCHEMAS[@]}"; do
            role_sql "$1" "$schema"
        done
    } | superuser_sql
}

# Roles are the server's, not the database's: they may be there already.
role_sql() {
    local database=$1 schema=$2 role=zoetrope_$2
    cat <<SQL
DO \$\$ BEGIN
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = '$role') THEN CREATE ROLE $role; END IF;
END \$\$;
ALTER ROLE $role LOGIN PASSWORD '$(secret "role-$schema")';
ALTER ROLE $role SET search_path = $schema;
GRANT CONNECT ON DATABASE $database TO $role;
CREATE SCHEMA IF NOT EXISTS $schema AUTHORIZATION $role;
SQL
}

# require_separate_roles DATABASE: fails when a role can reach what is not its own.
require_separate_roles() {
    local breaches
    breaches=$(superuser_sql -At -d "$1" <<'SQL'
SELECT format('%s can reach schema %s', rolname, nspname)
  FROM pg_roles, pg_namespace
 WHERE rolname LIKE 'zoetrope\_%' AND nspname NOT LIKE 'pg\_%' AND nspname <> 'information_schema'
   AND rolname <> 'zoetrope_' || nspname
   AND (has_schema_privilege(rolname, nspname, 'USAGE') OR has_schema_privilege(rolname, nspname, 'CREATE'))
UNION ALL
SELECT format('%s is not confined', rolname) FROM pg_roles
 WHERE rolname LIKE 'zoetrope\_%' AND (rolsuper OR rolcreatedb OR rolcreaterole OR rolreplication OR rolbypassrls);
SQL
    )
    [[ -z $breaches ]] || fail "roles of database $1: $breaches"
}
