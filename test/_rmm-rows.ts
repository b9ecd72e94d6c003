// Rows of rules: a command (or several, joined by " ; ") on a fresh copy of a preparation, and how the last one is
// answered.
import { expect, test } from 'vitest'
import { isDiagnostic, newSession, perform } from '../src/conform/rmm-commands.ts'
import type { MachineSpec } from '../src/conform/rmm-session.ts'

/**
 * The answer is "SUCCESS", "INPUT", "RTT 2", ..., optionally followed by outputs ("| 0x1000") and by what an entry
 * exits with.
 */
export type Row = readonly [cmd: string, expected: string]

export function runAll(preparation: readonly string[], cmd: string, machine: MachineSpec): string {
  const s = newSession(machine)
  const at = { file: 'rules', line: 0, where: 'row' }
  for (const p of preparation) {
    const a = perform(s, p, at)
    if (isDiagnostic(a)) throw new Error(`${p}: ${a.message}`)
    if (a.status !== undefined && a.status !== 'SUCCESS')
      throw new Error(`preparation failed: ${p}: ${a.status} ${a.index}`)
    if (a.failures !== undefined && a.failures > 0) throw new Error(`preparation failed: ${p}`)
  }
  const parts = cmd.split(' ; ')
  let last = ''
  for (const c of parts) {
    const a = perform(s, c, at)
    if (isDiagnostic(a)) throw new Error(`${c}: ${a.message}`)
    if (a.status !== undefined)
      last =
        a.status === 'ERROR_RTT' || a.status === 'ERROR_REALM'
          ? `${a.status.slice(6)} ${a.index}`
          : a.status.replace('ERROR_', '')
    if (a.out !== undefined && (a.status === 'SUCCESS' || a.status === 'ERROR_RTT'))
      last += ` | ${a.out.map((x) => `0x${x.toString(16)}`).join(' ')}`
    if (a.exit !== undefined)
      last +=
        ` ${a.exit}${a.rsi !== undefined ? ` rsi ${a.rsi.map((x) => x.toString(16)).join(' ')}` : ''}` +
        `${a.sea_injected === true ? ' sea' : ''}` +
        `${a.esr !== undefined ? ` esr ${a.esr.toString(16)} hpfar ${(a.hpfar ?? 0).toString(16)}` : ''}` +
        `${a.ripas !== undefined ? ` ripas ${a.ripas.map((x) => x.toString(16)).join(' ')}` : ''}`
    if (a.status === undefined && a.state !== undefined) last = `${a.state} ${a.refcount ?? ''}`.trim()
  }
  return last
}

export function rules(
  name: string,
  preparation: readonly string[],
  rows: readonly Row[],
  machine: MachineSpec = { generation: '1.x' }
): void {
  test(`${name}: ${rows.length} rules`, () => {
    // An expectation without outputs (after |) or without a level says nothing about them.
    const said = (e: string, got: string): string => {
      const g = e.includes('|') ? got : (got.split(' | ')[0] ?? '')
      return e.includes(' ') ? g : (g.split(' ')[0] ?? '')
    }
    const wrong = rows
      .map(([cmd, expected]) => [cmd, expected, runAll(preparation, cmd, machine)] as const)
      .filter(([, e, got]) => said(e, got) !== e)
    expect(wrong).toEqual([])
  })
}
