# shellcheck shell=bash
# The build of the workspace. Sourced; needs messages.sh and checkout.sh.

# build_binaries PROFILE: the services and the command-line client. Sets $BINARIES, the folder where they are.
build_binaries() {
    (cd "$ROOT" && cargo build --workspace --bins --profile "$1") || fail "the build failed"
    BINARIES=$(binary_directory "$1")
}
