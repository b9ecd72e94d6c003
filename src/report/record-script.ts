// The script of `tbit record`: POSIX sh, for the machine on which it runs. It finds out there what the kernel has (the
// classes dma and swiotlb, or kprobes where there is no class dma), records into an instance of its own, and packs
// trace, kernel log and configuration into one file.
import { PROBES, RECORDING_MARK, SECTION_MARK, TRACE_SECTION } from '../replay/index.ts'

export interface RecordPlan {
  /** Seconds to record; null: until the command ends, or ^C. */
  readonly seconds: number | null
  /** The file that is written. */
  readonly out: string
}

const quote = (s: string): string => `'${s.replaceAll("'", "'\\''")}'`

// A probe as a line for kprobe_events; $FN is the symbol that this kernel has, $ORIG, $SIZE and $DIR the numbers of its
// arguments.
function probe(p: (typeof PROBES)[number]): string {
  const fetch = p.fetch
    .replace('orig=$arg2', 'orig=\\$arg$ORIG')
    .replace(/size=\$arg3(?=:u64$)/, 'size=\\$arg$SIZE')
    .replace('dir=$arg4', 'dir=\\$arg$DIR')
    .replace(/(?<!\\)\$(arg1|arg2|arg3|retval)/g, '\\$$$1')
  // Without an indent of its own, or the longest would not fit 80 columns.
  return `  add "${p.returns ? 'r' : 'p'}:${p.name}" \\\n  "${fetch}" \\\n  ${p.symbols.join(' \\\n  ')}`
}

/** The script. Long: the text of one script. */
export function recordScript(plan: RecordPlan): string {
  return `#!/bin/sh
# Records how this machine maps and bounces DMA, for tbit replay. Written by
# tbit record; POSIX sh, needs root and tracefs, changes nothing for good.
#   sh FILE [-s SECONDS] [-o OUT] [COMMAND...]
# records while COMMAND runs, for SECONDS, or until ^C.
set -u
SECONDS_MAX=${plan.seconds ?? ''}
OUT=${quote(plan.out)}
while [ $# -gt 0 ]; do
  case $1 in
    -s) SECONDS_MAX=\${2:?seconds}; shift 2 ;;
    -o) OUT=\${2:?file}; shift 2 ;;
    --) shift; break ;;
    -*) echo "usage: $0 [-s SECONDS] [-o OUT] [COMMAND...]" >&2; exit 2 ;;
    *) break ;;
  esac
done

say() { echo "tbit-record: $*" >&2; }
die() { say "$*"; exit 1; }

# Where tracefs is. TRACEFS and DEBUGFS name other places.
T=\${TRACEFS:-}
for d in /sys/kernel/tracing /sys/kernel/debug/tracing; do
  [ -z "$T" ] && [ -e "$d/trace_pipe" ] && T=$d
done
[ -n "$T" ] ||
  die "no tracefs here: mount -t tracefs nodev /sys/kernel/tracing, as root"
[ -w "$T/trace_marker" ] ||
  die "no right to trace: run as root (in a container: on its host)"
POOL=\${DEBUGFS:-/sys/kernel/debug}/swiotlb
command -v gzip >/dev/null || die "gzip is not here"

KERNEL=\${KERNEL:-$(uname -r)}
MAJOR=\${KERNEL%%.*}
MINOR=\${KERNEL#*.}
MINOR=\${MINOR%%[!0-9]*}
# Whether the kernel is at least of this release.
since() {
  [ "$MAJOR" -gt "$1" ] || { [ "$MAJOR" -eq "$1" ] && [ "$MINOR" -ge "$2" ]; }
}
CPUS=$(grep -c '^processor' /proc/cpuinfo 2>/dev/null)
[ "\${CPUS:-0}" -gt 0 ] || CPUS=1
RAM_KB=$(sed -n 's/^MemTotal: *\\([0-9]*\\) kB/\\1/p' /proc/meminfo 2>/dev/null)
# 16 MiB a CPU, but no more than 1/64 of the memory in all.
BUFFER_KB=16384
MOST_KB=$((\${RAM_KB:-1048576} / 64 / CPUS))
[ "$MOST_KB" -lt "$BUFFER_KB" ] && BUFFER_KB=$MOST_KB
[ "$BUFFER_KB" -lt 1024 ] && BUFFER_KB=1024

# An instance of its own: whoever else traces is not disturbed. Old kernels
# have none.
I=$T/instances/tbit
OWN=
if mkdir "$I" 2>/dev/null && [ -e "$I/trace_pipe" ]; then
  OWN=1
else
  rmdir "$I" 2>/dev/null
  I=$T
fi

D=$(mktemp -d) || die "no temporary directory"
PROBED=
READER=
SAMPLER=
PACKER=
quiet() { [ -w "$1" ] && echo "$2" > "$1" 2>/dev/null; }
# Without an instance, what is changed here is put back.
CLOCK=$(sed 's/.*\\[\\(.*\\)\\].*/\\1/' "$I/trace_clock" 2>/dev/null)
SIZE_KB=$(sed 's/[^0-9].*//' "$I/buffer_size_kb" 2>/dev/null)
WAS_ON=$(cat "$I/tracing_on" 2>/dev/null)
restore() {
  trap - EXIT INT TERM HUP
  [ -n "$SAMPLER" ] && kill "$SAMPLER" 2>/dev/null
  quiet "$I/tracing_on" 0
  for e in dma swiotlb kprobes block/block_rq_issue block/block_rq_complete; do
    quiet "$I/events/$e/enable" 0
  done
  [ -n "$READER" ] && kill "$READER" 2>/dev/null
  [ -n "$PACKER" ] && wait "$PACKER" 2>/dev/null
  for p in $PROBED; do echo "-:$p" >> "$T/kprobe_events" 2>/dev/null; done
  if [ -n "$OWN" ]; then
    rmdir "$I" 2>/dev/null
  else
    quiet "$I/trace_clock" "\${CLOCK:-local}"
    quiet "$I/buffer_size_kb" "\${SIZE_KB:-1408}"
    quiet "$I/tracing_on" "\${WAS_ON:-1}"
  fi
  rm -rf "$D"
}
trap restore EXIT
trap 'restore; exit 130' INT TERM HUP

# add TYPE:NAME FETCH SYMBOL...: a kprobe on the first of the symbols that this
# kernel takes.
add() {
  what=$1 fetch=$2
  shift 2
  for fn in "$@"; do
    if echo "$what $fn $fetch" >> "$T/kprobe_events" 2>/dev/null; then
      PROBED="$PROBED \${what#*:}"
      return 0
    fi
  done
  return 1
}

quiet "$I/trace_clock" mono
quiet "$I/buffer_size_kb" "$BUFFER_KB"
quiet "$I/tracing_on" 0
[ -n "$OWN" ] && quiet "$I/trace" ""
HAS=
[ -e "$I/events/swiotlb/enable" ] &&
  quiet "$I/events/swiotlb/enable" 1 && HAS=swiotlb
if [ -e "$I/events/dma/enable" ]; then
  quiet "$I/events/dma/enable" 1 && HAS="$HAS dma"
  # Ends of mappings that the nvme driver of 7.0 and later does not log.
  if since 7 0; then
    for e in block_rq_issue block_rq_complete; do
      quiet "$I/events/block/$e/enable" 1
    done
  fi
elif [ -w "$T/kprobe_events" ]; then
  # swiotlb_tbl_map_single() has the address second and the size third since
  # 5.11; the direction of the unmap is fourth since 5.13.
  if since 5 11; then ORIG=2 SIZE=3; else ORIG=3 SIZE=4; fi
  if since 5 13; then DIR=4; else DIR=5; fi
${PROBES.map(probe).join('\n')}
  [ -n "$PROBED" ] && quiet "$I/events/kprobes/enable" 1 && HAS="$HAS kprobes"
fi
[ -n "$HAS" ] ||
  die "this kernel ($KERNEL) has neither events of dma or swiotlb nor" \\
    "kprobes: nothing can be recorded"

say "Linux $KERNEL, $CPUS CPUs; events:$(printf ' %s' $HAS);" \\
  "buffer $BUFFER_KB KiB a CPU"
say "an event is about 145 bytes of text, 6 to 10 in 100 of that packed:"
say "10 000 a second are 5 to 9 MB a minute; what each costs depends on the" \\
  "machine"
if [ $# -gt 0 ]; then
  say "records while the command runs"
elif [ -n "$SECONDS_MAX" ]; then
  say "records for $SECONDS_MAX s"
else
  say "records until ^C"
fi

mkfifo "$D/pipe" || die "no pipe"
gzip -1 < "$D/pipe" > "$D/trace.gz" &
PACKER=$!
# What is read here is gone from the buffer, so that it does not run over. Not
# cat: that of busybox splices, and trace_pipe tears lines then.
dd if="$I/trace_pipe" of="$D/pipe" bs=65536 2>/dev/null &
READER=$!
sample() {
  u=$(cat "$POOL/io_tlb_used" 2>/dev/null)
  n=$(cat "$POOL/io_tlb_nslabs" 2>/dev/null)
  h=$(cat "$POOL/io_tlb_used_hiwater" 2>/dev/null)
  # The mark is the highest since boot: it is of this load only when it has
  # risen.
  [ "$h" = "$MARK" ] && h=
  [ -n "$u" ] &&
    echo "swiotlb_sample used=$u hiwater=\${h:--1} nslabs=\${n:--1}" \\
      > "$I/trace_marker" 2>/dev/null
}
FROM=$(date +%s)
MARK=$(cat "$POOL/io_tlb_used_hiwater" 2>/dev/null)
quiet "$I/tracing_on" 1
sample
( while :; do sleep 1; sample; done ) &
SAMPLER=$!
STATUS=0
if [ $# -gt 0 ]; then
  trap : INT
  "$@" || STATUS=$?
elif [ -n "$SECONDS_MAX" ]; then
  trap : INT
  sleep "$SECONDS_MAX"
else
  trap : INT
  while [ -z "\${STOP:-}" ]; do sleep 3600 || STOP=1; done
fi
trap '' INT
sample
kill "$SAMPLER" 2>/dev/null
SAMPLER=
quiet "$I/tracing_on" 0
TO=$(date +%s)
# The reader has what was in the buffer; then it waits.
sleep "\${DRAIN:-1}"
kill "$READER" 2>/dev/null
READER=
wait "$PACKER"
PACKER=

LOST=$(cat "$I"/per_cpu/cpu*/stats 2>/dev/null | sed -n 's/^overrun: //p' |
  awk '{ n += $1 } END { print n + 0 }')
section() { echo '${SECTION_MARK}'"$1"; sed 's/^/ /'; }
{
  echo '${RECORDING_MARK}'
  {
    echo "seconds=$((TO - FROM)) cpus=$CPUS lost=$LOST status=$STATUS"
    echo "host=$(uname -n) begun=$FROM"
  } | section record
  echo "$KERNEL" | section uname
  cat /proc/cmdline 2>/dev/null | section cmdline
  { zcat /proc/config.gz 2>/dev/null ||
    cat "/boot/config-$KERNEL" 2>/dev/null; } |
    grep -E 'SWIOTLB|DMA|IOMMU|MEM_ENCRYPT' | section config
  for d in /sys/bus/pci/devices/*; do
    [ -e "$d" ] || continue
    ids=$(cat "$d/vendor" "$d/device" 2>/dev/null | tr '\\n' ' ')
    driver=$(basename "$(readlink "$d/driver" 2>/dev/null)" 2>/dev/null)
    echo "\${d##*/} $ids$driver"
  done | section pci
  for f in "$POOL"/io_tlb_nslabs "$POOL"/io_tlb_used; do
    [ -r "$f" ] && echo "\${f##*/} $(cat "$f")"
  done | section debugfs
  # Hits and misses: an interrupt that comes in a probe's handler misses its
  # own.
  [ -n "$PROBED" ] &&
    grep '^ *tbit_' "$T/kprobe_profile" 2>/dev/null | section probes
  { \${DMESG:-dmesg} 2>/dev/null || journalctl -k -b 2>/dev/null; } |
    section dmesg
  echo '${SECTION_MARK}${TRACE_SECTION}'
} | gzip > "$D/head.gz"
cat "$D/head.gz" "$D/trace.gz" > "$OUT.part" && mv "$OUT.part" "$OUT" ||
  die "$OUT cannot be written"
say "$OUT: $(($(wc -c < "$OUT"))) bytes in $((TO - FROM)) s; overrun $LOST."
say "Read it with: tbit replay $OUT"
exit "$STATUS"
`
}
