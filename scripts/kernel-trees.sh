#!/bin/sh
# Brings kernel sources that this Debian release does not have (7.2, 7.3, the newest -rc) into a directory outside the
# repository:
#   scripts/kernel-trees.sh [DIR]
# DIR is $TBIT_TREES by default, else $XDG_CACHE_HOME/tbit/sources, else ~/.cache/tbit/sources. They come from Debian's
# newer suites by a private apt configuration, made from this machine's own apt sources: no suite is added to the
# system, nothing is installed. Prints one line a tree: its path, or why it is absent. Exit code 0 also when some are
# absent.
set -u
dir=${1:-${TBIT_TREES:-${XDG_CACHE_HOME:-$HOME/.cache}/tbit/sources}}
mkdir -p "$dir" || exit 2
skip() { echo "absent: linux-source-$1: $2"; }
want="7.2 7.3 rc"
missing=""
for v in $want; do
  [ -n "$(ls "$dir"/linux-source-$v.tar.* 2>/dev/null)" ] && echo "$(ls "$dir"/linux-source-$v.tar.*)" ||
    missing="$missing $v"
done
[ -z "$missing" ] && exit 0
for tool in apt-get dpkg-deb apt-cache; do
  command -v $tool >/dev/null 2>&1 || { for v in $missing; do skip $v "no $tool: not a Debian system"; done; exit 0; }
done

work=$(mktemp -d) || exit 2
trap 'rm -rf "$work"' EXIT INT TERM
mkdir -p "$work/lists/partial" "$work/cache/archives/partial"
# the first source of Debian itself, in the deb822 or the one-line form
uri=$(sed -n 's/^URIs:[ \t]*\([^ \t]*\).*/\1/p' /etc/apt/sources.list.d/debian.sources 2>/dev/null | head -n 1)
[ -n "$uri" ] || uri=$(sed -n 's/^deb[ \t]\+\(\[[^]]*\][ \t]*\)\?\([^ \t]*\)[ \t].*main.*/\2/p' \
  /etc/apt/sources.list /etc/apt/sources.list.d/*.list 2>/dev/null | grep '/debian/*$' | head -n 1)
[ -n "$uri" ] || { for v in $missing; do skip $v "this machine's apt names no Debian source"; done; exit 0; }
# a release does not carry the keys of the ones after it
for s in sid trixie-backports experimental; do echo "deb [trusted=yes] $uri $s main"; done >"$work/sources.list"
cat >"$work/apt.conf" <<CONF
Dir::Etc::sourcelist "$work/sources.list";
Dir::Etc::sourceparts "-";
Dir::State::Lists "$work/lists";
Dir::Cache "$work/cache";
APT::Sandbox::User "root";
CONF
export APT_CONFIG="$work/apt.conf"
apt-get update -qq >/dev/null 2>&1 || true

for v in $missing; do
  if [ "$v" = rc ]; then
    # the newest release candidate of any version
    set -- $(apt-cache search --names-only '^linux-source-[0-9.]*$' | cut -d' ' -f1 |
      while read -r p; do apt-cache madison "$p"; done | sed 's/[ |]\+/ /g' | grep '~rc' | sort -k2V | tail -n 1)
    package=${1:-} version=${2:-}
  else
    package=linux-source-$v
    version=$(apt-cache madison "$package" 2>/dev/null | sed 's/[ |]\+/ /g' | awk '{ print $2 }' | grep -v '~rc' |
      sort -V | tail -n 1)
  fi
  [ -n "$package" ] && [ -n "$version" ] || { skip $v "no Debian suite has it"; continue; }
  (cd "$work" && rm -f ./*.deb && apt-get download -qq "$package=$version" >/dev/null 2>&1) ||
    { skip $v "$package $version cannot be downloaded"; continue; }
  rm -rf "$work/x" && dpkg-deb -x "$work/$package"_*.deb "$work/x" ||
    { skip $v "$package $version cannot be unpacked"; continue; }
  for f in "$work"/x/usr/src/linux-source-*.tar.*; do
    to="$dir/linux-source-$v.tar.${f##*.}"
    mv "$f" "$to.part" && mv "$to.part" "$to" && echo "$to"
  done
done
