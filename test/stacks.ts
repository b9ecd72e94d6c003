// The functions of a step are read from a stack (step/step.ts). The test runner maps each place of a stack back to its
// TypeScript, which such a stack, of which only names are read, does not need: it was a seventh of the library's time.
const MARK = Symbol.for('tbit.stacks')

type Prepare = NonNullable<typeof Error.prepareStackTrace> & { [MARK]?: true }

const mapped = Error.prepareStackTrace as Prepare | undefined
if (mapped !== undefined && mapped[MARK] !== true) {
  const prepare: Prepare = (error, sites) =>
    sites[0]?.getFunctionName() === 'stackHere'
      ? `${error.name}\n${sites.map((s) => `    at ${s}`).join('\n')}`
      : mapped(error, sites)
  prepare[MARK] = true
  Error.prepareStackTrace = prepare
}
