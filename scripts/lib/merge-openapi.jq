# Merges OpenAPI descriptions, given as an array, into one.

# Adds an object's members; a name that is there already must mean the same.
def merged($what):
  reduce (.[] | to_entries[]) as {$key, $value} ({};
    if has($key) and .[$key] != $value
    then error("two services describe \($what) \($key), and not alike")
    else .[$key] = $value end);

{
  openapi: (map(.openapi) | unique | if length == 1 then .[0] else error("OpenAPI versions differ: \(.)") end),
  info: {
    title: "Zoetrope",
    description: "A self-hosted backend for AI media generation.",
    license: .[0].info.license,
    version: .[0].info.version
  },
  servers: [{ url: "/" }],
  tags: (map(.tags // []) | add | unique_by(.name)),
  # One path may be answered by two services only if their methods differ.
  paths: (reduce (.[].paths // {} | to_entries[]) as {$key, $value} ({}; .[$key] = ([.[$key] // {}, $value] | merged("path \($key),")))
    | to_entries | sort_by(.key) | from_entries),
  components: (map(.components // {} | to_entries[]) | group_by(.key)
    | map({ key: .[0].key, value: (.[0].key as $kind | map(.value) | merged("\($kind):") | to_entries | sort_by(.key) | from_entries) })
    | from_entries)
}
