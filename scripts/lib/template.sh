# shellcheck shell=bash
# Files with names in double braces. Sourced; needs messages.sh.

# fill_template FILE NAME=VALUE…: prints the file with each {{NAME}} replaced.
fill_template() {
    local file=$1 text pair unknown
    shift
    text=$(<"$file")
    for pair in "$@"; do
        text=${text//"{{${pair%%=*}}}"/"${pair#*=}"}
    done
    unknown=${text#*'{{'}
    [[ $unknown == "$text" ]] || fail "$file: nothing is known for ${unknown%%'}}'*}"
    printf '%s\n' "$text"
}
