#!/bin/sh
# Brings kernels that boot in QEMU, for test/guest: the newest image of 6.1 and of 6.12 that this machine's own apt
# sources have, unpacked outside the repository:
#   scripts/guest-kernels.sh [DIR]
# DIR is $TBIT_GUESTS by default, else $XDG_CACHE_HOME/tbit/guests, else ~/.cache/tbit/guests. DIR/VERSION then holds
# boot/vmlinuz* and the modules of nvme. Nothing is installed. Prints one line a kernel: its path, or why it is absent.
# Exit code 0 also when some are absent.
set -u
dir=${1:-${TBIT_GUESTS:-${XDG_CACHE_HOME:-$HOME/.cache}/tbit/guests}}
mkdir -p "$dir" || exit 2
skip() { echo "absent: kernel $1: $2"; }
for v in 6.1 6.12; do
  if [ -e "$dir/$v/boot" ]; then
    echo "$dir/$v"
    continue
  fi
  { command -v apt-get && command -v dpkg-deb; } >/dev/null 2>&1 || { skip $v "not a Debian system"; continue; }
  package=$(apt-cache search --names-only "^linux-image-$v\.[0-9]+[-+0-9a-z.]*-amd64(-unsigned)?\$" 2>/dev/null |
    cut -d' ' -f1 | grep -v -e cloud -e '-rt-' | sort -V | tail -n 1)
  [ -n "$package" ] || { skip $v "this machine's apt sources have no image of it"; continue; }
  work=$(mktemp -d) || exit 2
  if (cd "$work" && apt-get -o APT::Sandbox::User=root download -qq "$package" >/dev/null 2>&1 &&
    dpkg-deb -x ./*.deb x) then
    mkdir -p "$work/$v"
    mv "$work/x/boot" "$work/$v/boot"
    # nvme and what it needs is all that a guest loads
    (cd "$work/x" && find . -path './lib/modules/*' \( -path '*/drivers/nvme/host/nvme*' \
      -o -path '*/drivers/nvme/common/*' -o -path '*/block/t10-pi*' -o -path '*/lib/crc*' -o -path '*/crypto/crc*' \
      -o -path '*/crypto/crct10dif*' -o -path '*/lib/crypto/*' -o -path '*/crypto/*hkdf*' \) -type f) |
      while read -r f; do
      mkdir -p "$work/$v/modules" && cp "$work/x/$f" "$work/$v/modules/"
    done
    mv "$work/$v" "$dir/$v" && echo "$dir/$v"
  else
    skip $v "$package cannot be downloaded or unpacked"
  fi
  rm -rf "$work"
done
