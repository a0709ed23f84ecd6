#!/usr/bin/env bash
# Runs the built package on another major of Node: a smoke test as a user would write it, then the demo. Needs `npm run build`
# (done here) and the registry, for the npm package that ships Node's binary. Usage: scripts/testOnNode.sh 22 24
set -euo pipefail
cd "$(dirname "$0")/.."

if [ "$#" -eq 0 ]; then
  echo "usage: scripts/testOnNode.sh MAJOR..." >&2
  exit 2
fi

npm run build --silent
package="node-$(node -p 'process.platform')-$(node -p 'process.arch')"
for major in "$@"; do
  directory="$(mktemp -d)"
  trap 'rm -rf "$directory"' EXIT
  npm install --silent --no-save --no-audit --no-fund --prefix "$directory" "$package@$major"
  node="$directory/node_modules/$package/bin/node"
  echo "== $("$node" --version) =="
  "$node" scripts/smoke.mjs
  "$node" dist/cli/main.js demo --seconds 12 --out "$directory/demo" </dev/null | tail -n 1
  rm -rf "$directory"
done
