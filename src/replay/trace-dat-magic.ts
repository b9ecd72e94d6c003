// What tells a trace.dat from other files, apart from the code that reads one.

/** `\x17\x08Dtracing` */
export function isTraceDat(b: Uint8Array): boolean {
  return (
    b.length >= 10 &&
    b[0] === 0x17 &&
    b[1] === 0x08 &&
    b[2] === 0x44 &&
    String.fromCharCode(...b.subarray(3, 10)) === 'tracing'
  )
}
