// Rows of a guest whose devices are all T=0: what is shared is reached, all else is the host's fault.
import type { Platform } from '../platform.ts'

export const sharedOnly = (prefix: string, source: string): Platform['rows'] => [
  { id: `${prefix}-t0-shr`, t: 0, alias: 'any', page: 'shr', read: 'ok', write: 'ok', cert: 'H', source },
  {
    id: `${prefix}-t0-priv`,
    t: 0,
    alias: 'any',
    page: 'priv',
    read: 'fault:HOST',
    write: 'fault:HOST',
    cert: 'H',
    source,
    note: 'the host takes the fault'
  },
  {
    id: `${prefix}-t0-unas`,
    t: 0,
    alias: 'any',
    page: 'unas',
    read: 'fault:HOST',
    write: 'fault:HOST',
    cert: 'H',
    source
  },
  {
    id: `${prefix}-t0-unmapped`,
    t: 0,
    alias: 'any',
    page: 'shr_unmapped',
    read: 'fault:HOST',
    write: 'fault:HOST',
    cert: 'H',
    source
  },
  {
    id: `${prefix}-t0-realm`,
    t: 0,
    alias: 'any',
    page: 'shr_realm',
    read: 'fault:HOST',
    write: 'fault:HOST',
    cert: 'M',
    source
  },
  { id: `${prefix}-t0-smmio`, t: 0, alias: 'any', page: 'smmio', read: 'ok', write: 'ok', cert: 'M', source },
  {
    id: `${prefix}-t0-pmmio`,
    t: 0,
    alias: 'any',
    page: 'pmmio',
    read: 'fault:HOST',
    write: 'fault:HOST',
    cert: 'M',
    source
  },
  {
    id: `${prefix}-t0-pmmio-empty`,
    t: 0,
    alias: 'any',
    page: 'pmmio_empty',
    read: 'fault:HOST',
    write: 'fault:HOST',
    cert: 'M',
    source
  },
  {
    id: `${prefix}-t0-pmmio-down`,
    t: 0,
    alias: 'any',
    page: 'pmmio_down',
    read: 'fault:HOST',
    write: 'fault:HOST',
    cert: 'M',
    source
  }
]
