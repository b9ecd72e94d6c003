// The functions of a step are read from a stack (step/step.ts), and so is who asks for a decision
// (test/engine/decisions-read.slow.test.ts). The test runner maps each place of a stack back to its TypeScript, which a
// stack does not need of which only names are read: it was a seventh of the library's time.
const NAMES_ONLY: ReadonlySet<string | null | undefined> = new Set(['stackHere', 'stackOfNames'])
const MARK = Symbol.for('tbit.stacks')

type Prepare = NonNullable<typeof Error.prepareStackTrace> & { [MARK]?: true }

const mapped = Error.prepareStackTrace as Prepare | undefined
if (mapped !== undefined && mapped[MARK] !== true) {
  const prepare: Prepare = (error, sites) =>
    NAMES_ONLY.has(sites[0]?.getFunctionName())
      ? `${error.name}\n${sites.map((s) => `    at ${s}`).join('\n')}`
      : mapped(error, sites)
  prepare[MARK] = true
  Error.prepareStackTrace = prepare
}
