// Time stamps in front of log lines: seconds since boot, or the wall clock in the many forms of syslog, journalctl,
// dmesg and container logs.

const MONTHS = 'JanFebMarAprMayJunJulAugSepOctNovDec'

/** Seconds since 1970 of a calendar date. Without a year, of 2000: only differences are used. */
export function epoch(year: number | null, month: number, day: number, time: string): number {
  const [h = '0', m = '0', s = '0'] = time.replace(',', '.').split(':')
  return Date.UTC(year ?? 2000, month, day) / 1000 + Number(h) * 3600 + Number(m) * 60 + Number(s)
}

/** 0-based; -1 when it is none. */
export const monthOf = (word: string): number => {
  const at = MONTHS.indexOf(word)
  return at < 0 || at % 3 !== 0 || word.length !== 3 ? -1 : at / 3
}

/** `2025-09-01`, `10:00:00.123`, `Z` or `+02:00`. */
export function isoEpoch(date: string, time: string, zone = ''): number {
  const [y = '0', m = '1', d = '1'] = date.split('-')
  const at = epoch(Number(y), Number(m) - 1, Number(d), time)
  const off = /^([+-])(\d\d):?(\d\d)$/.exec(zone)
  return off ? at - (off[1] === '-' ? -1 : 1) * (Number(off[2]) * 3600 + Number(off[3]) * 60) : at
}
