// A worker with the engine, started again when it dies or no longer answers; what it was doing is asked again by
// whoever owns the question.
import type { Answer, Ask } from './protocol.ts'

export interface Engine {
  ask(a: Ask): void
  /** Ends the worker; the next question starts another. */
  end(): void
}

/** Milliseconds without a sign of life after which a worker counts as stuck. */
const STUCK = 3000

export function engine(answer: (a: Answer) => void, died: (why: string) => void): Engine {
  let worker: Worker | null = null
  let waiting: ReturnType<typeof setTimeout> | undefined
  const end = (): void => {
    clearTimeout(waiting)
    worker?.terminate()
    worker = null
  }
  const start = (): Worker => {
    const w = new Worker(new URL('./check.worker.js', import.meta.url), { type: 'module' })
    w.onmessage = (e: MessageEvent<Answer>) => {
      clearTimeout(waiting)
      answer(e.data)
    }
    w.onerror = (e) => {
      e.preventDefault()
      if (w !== worker) return
      end()
      died(e.message || 'it could not be started, or ran out of memory')
    }
    return w
  }
  return {
    end,
    ask(a) {
      worker ??= start()
      worker.postMessage(a)
      // A check answers within milliseconds that it has read the text, whatever it was doing.
      if (a.op !== 'check') return
      clearTimeout(waiting)
      waiting = setTimeout(() => {
        end()
        died(`it did not answer for ${STUCK / 1000} s`)
      }, STUCK)
    }
  }
}

export interface LibraryTest {
  readonly name: string
  readonly file: string
  readonly about: string
  readonly text: string
}
let loading: Promise<readonly LibraryTest[]> | undefined

/** The library's texts, fetched once. */
export function libraryTests(): Promise<readonly LibraryTest[]> {
  return (loading ??= fetch(new URL('./library.json', import.meta.url))
    .then((r) => {
      if (!r.ok) throw new Error(`library.json: ${r.status}`)
      return r.json() as Promise<{ readonly tests: readonly LibraryTest[] }>
    })
    .then((l) => l.tests))
}
