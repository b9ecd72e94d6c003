// The latency format (trace-cmd report -l, tracefs with options/latency-format): CPU and flags in one word without
// brackets, time in seconds or, in tracefs, in microseconds since the first event. Its lines are made those of the
// usual format before anything reads them; all others stay.
//     kworker/0:1-31      1d.h.. 8.166942: dma_map_phys: ...      ->      kworker/0:1-31 [001] d.h.. 8.166942:
//     dma_map_phys: ...
const LINE =
  /^(\s*\S.*?-\d+)\s+(\d+)([.dDnNbBpPlLhHsSzZxX][.a-zA-Z0-9]{3,5})\s+(?:(\d+\.\d+)|(\d+)us[ !+#*@$]?)\s*:\s*(.*)$/
/** Lines of the beginning that are looked at, and how many of them must be of this format. */
const LOOKED_AT = 200
const MOST = 0.5
/** A line that long is none of this format. */
const LONGEST = 1 << 16

/** A line in the usual format; the line as it is when it is not of the latency format. */
function usual(line: string): string {
  const m = line.length > LONGEST ? null : LINE.exec(line)
  if (m === null) return line
  const time = m[4] ?? (Number(m[5]) / 1e6).toFixed(6)
  return `${m[1]} [${(m[2] as string).padStart(3, '0')}] ${m[3]} ${time}: ${m[6]}`
}

/** Whether a text that begins so is in the latency format. */
export function isLatency(beginning: Uint8Array): boolean {
  const lines = new TextDecoder()
    .decode(beginning.subarray(0, 1 << 16))
    .split('\n', LOOKED_AT)
    .filter((l) => l.trim() !== '' && !l.startsWith('#') && !/^cpus=/.test(l))
  return lines.length > 0 && lines.filter((l) => l.length <= LONGEST && LINE.test(l)).length > lines.length * MOST
}

/** Rewrites a text of this format, chunk by chunk. */
export class LatencyLines {
  private rest = ''
  private readonly decoder = new TextDecoder()
  private readonly encoder = new TextEncoder()

  push(chunk: Uint8Array): Uint8Array {
    const lines = (this.rest + this.decoder.decode(chunk, { stream: true })).split('\n')
    this.rest = lines.pop() ?? ''
    // A line without an end is passed on as it is.
    const tooLong = this.rest.length > 1 << 20 ? this.rest : ''
    if (tooLong !== '') this.rest = ''
    return this.encoder.encode(`${lines.map((l) => `${usual(l)}\n`).join('')}${tooLong}`)
  }

  end(): Uint8Array {
    return this.encoder.encode(usual(this.rest + this.decoder.decode()))
  }
}
