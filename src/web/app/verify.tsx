// "Verify in this browser": the library is run again here, and each verdict, each finding's id and the number of states
// compared with what the pages were made from. A page without a server can be believed only this far.
import { signal } from '@preact/signals'
import { render } from 'preact'
import { messageOf } from '../../base/diagnostic.ts'
import { thousands } from '../../base/text.ts'
import { differs, type Recorded, type RecordedRun } from '../static/record.ts'
import type { Answer } from './protocol.ts'
import { engine, libraryTests } from './work.ts'

const state = signal<{
  readonly done: number
  readonly of: number
  readonly equal: number
  readonly seconds: number
  readonly running: boolean
} | null>(null)
const different = signal<readonly string[]>([])
const failed = signal<string | null>(null)
let stopped = false

async function verify(): Promise<void> {
  failed.value = null
  different.value = []
  try {
    const [record, tests] = await Promise.all([
      fetch(new URL('./verdicts.json', import.meta.url)).then((r) => r.json() as Promise<Recorded>),
      libraryTests()
    ])
    await all(record, new Map(tests.map((t) => [t.name, t])))
  } catch (e) {
    failed.value = messageOf(e)
  }
}

async function all(
  record: Recorded,
  tests: ReadonlyMap<string, { readonly name: string; readonly file: string; readonly text: string }>
): Promise<void> {
  const byTest = new Map<string, RecordedRun[]>()
  for (const r of record.runs)
    byTest.set(record.tests[r[0]] as string, [...(byTest.get(record.tests[r[0]] as string) ?? []), r])
  const queue = [...byTest]
  const began = performance.now()
  let [done, equal, next] = [0, 0, 0]
  const show = (running: boolean): void => {
    state.value = { done, of: record.runs.length, equal, seconds: (performance.now() - began) / 1000, running }
  }
  show(true)
  const one = (): Promise<void> =>
    new Promise((resolve) => {
      let mine: readonly RecordedRun[] = []
      let name = ''
      const give = (): void => {
        const [test, runs] = queue[next++] ?? []
        const t = test === undefined ? undefined : tests.get(test)
        if (test === undefined || runs === undefined || stopped) {
          work.end()
          resolve()
          return
        }
        ;[mine, name] = [runs, test]
        work.ask({
          op: 'run',
          id: 0,
          name: test,
          file: t?.file ?? '',
          text: t?.text ?? '',
          pairs: runs.map((r) => ({
            kernel: record.kernels[r[1]] as string,
            platform: record.platforms[r[2]] as string
          }))
        })
      }
      const failed = (why: string): void => {
        done += mine.length
        different.value = [...different.value, `${name}: ${why}`]
      }
      const work = engine(
        (a: Answer) => {
          if (a.at === 'ready') return
          if (a.at === 'broken') failed(a.message)
          if (a.at === 'ran') {
            for (const [i, r] of a.results.entries()) {
              done++
              const is = differs(record, mine[i] as RecordedRun, { test: name, ...r })
              if (is === null) equal++
              else different.value = [...different.value, `${name}, ${r.kernel} on ${r.platform}: ${is}`]
            }
            show(true)
          }
          give()
        },
        (why) => {
          failed(`the worker died (${why})`)
          give()
        }
      )
      give()
    })
  stopped = false
  const workers = Math.min(8, Math.max(1, navigator.hardwareConcurrency || 2))
  await Promise.all(Array.from({ length: Math.min(workers, queue.length) }, one))
  show(false)
}

function Verify() {
  const s = state.value
  return (
    <>
      <p>
        Runs every test of the library on its kernels and platforms in your browser, and compares verdict, findings,
        kernel functions and states with those that these pages were made from.
      </p>
      <p>
        {s?.running ? (
          <button
            type="button"
            onClick={() => {
              stopped = true
            }}>
            Stop
          </button>
        ) : (
          <button
            type="button"
            onClick={() => {
              void verify()
            }}>
            Verify
          </button>
        )}
      </p>
      {s !== null && (
        <>
          <progress value={s.done} max={s.of} aria-label="runs compared" />
          <p role="status">
            <b>
              {thousands(s.equal)} of {thousands(s.running ? s.done : s.of)} equal
            </b>
            {s.running
              ? `, ${thousands(s.of - s.done)} to go`
              : ` in ${s.seconds.toFixed(1)} s` +
                `${s.done < s.of ? `; stopped: ${thousands(s.of - s.done)} not compared` : ''}`}
          </p>
        </>
      )}
      {different.value.length > 0 && (
        <>
          <h2>Different</h2>
          <ul>
            {different.value.slice(0, 50).map((d) => (
              <li>{d}</li>
            ))}
          </ul>
        </>
      )}
      <p role="alert">{failed.value === null ? '' : `It could not be done: ${failed.value}`}</p>
    </>
  )
}

const root = document.getElementById('app')
if (root !== null) {
  root.replaceChildren()
  render(<Verify />, root)
}
