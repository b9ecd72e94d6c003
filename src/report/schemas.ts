// The JSON that verbs write, as JSON Schema (2020-12): the one source of docs/formats/. What stands here stays in
// format 1; more fields may come, so that nothing forbids another.
import { own } from '../base/index.ts'

export type Schema = { readonly [key: string]: unknown }

const said = (s: Schema, description?: string): Schema => (description === undefined ? s : { ...s, description })
const str = (description?: string): Schema => said({ type: 'string' }, description)
const int = (description?: string): Schema => said({ type: 'integer' }, description)
const count = (description?: string): Schema => said({ type: 'integer', minimum: 0 }, description)
const num = (description?: string): Schema => said({ type: 'number' }, description)
const bool = (description?: string): Schema => said({ type: 'boolean' }, description)
const word = (words: readonly (string | null)[], description?: string): Schema => said({ enum: words }, description)
const list = (items: Schema, description?: string): Schema => said({ type: 'array', items }, description)
const orNull = (s: Schema): Schema => ({ anyOf: [s, { type: 'null' }] })
const map = (values: Schema, description?: string): Schema =>
  said({ type: 'object', additionalProperties: values }, description)
/** An object with these fields at least; `maybe` those that may be absent. */
const object = (
  properties: Readonly<Record<string, Schema>>,
  maybe: Readonly<Record<string, Schema>> = {}
): Schema => ({ type: 'object', required: Object.keys(properties), properties: { ...properties, ...maybe } })

const diagnostic = object(
  {
    code: str('TB-nnn, see docs/errors.md'),
    file: str(),
    line: count('from 1; 0: about the whole file'),
    column: count(),
    word: str('the offending word, as written'),
    message: str()
  },
  { expected: list(str()), nearest: list(str()), hint: str(), severity: word(['warning']) }
)
const diagnostics = list(diagnostic)

const traceStep = object(
  { thread: str(), text: str() },
  { inside: list(str(), "branches that a tree's own C took in it") }
)
const violation = object(
  {
    id: str('stable from one revision of a patch to the next'),
    property: str(),
    summary: str(),
    trace: list(traceStep, 'the shortest way to it')
  },
  { site: str(), decision: str(), schedule: str('for tbit run --schedule') }
)
const verdict = word(['violated', 'incomplete', 'vacuous', 'ok', 'skipped'], 'the first that applies')
const checkResult = object(
  {
    file: str(),
    test: str(),
    kernel: str(),
    platform: str(),
    verdict,
    violations: list(violation),
    reported: list(violation, 'findings that are not forbidden'),
    states: count(),
    transitions: count(),
    complete: bool(),
    expected: word(['match', 'mismatch', null])
  },
  {
    reason: str('why it was skipped'),
    notes: list(str()),
    coverage: object({ interleave: word(['steps', 'calls']), maxStates: count() })
  }
)

const side = object({ verdict, properties: list(str()), complete: bool(), states: count() })
const decision = object({ value: { type: ['string', 'boolean'] }, source: str() })
const revision = object({ name: str(), title: str(), kind: str(), date: str(), decisions: map(decision) })
const commands = map(count(), 'count by name')
const plan = object({
  strategy: str(),
  commands,
  total_commands: count(),
  table_bytes: count(),
  cost_units: num(),
  blocks: object({ '4K': count(), '2M': count(), '1G': count() })
})
const access = orNull(object({ outcome: str(), rule: { type: ['string', 'null'] } }))

const place = object({ file: str(), line: count() })
const kernelImage = {
  tree: str('as it was named'),
  version: str(),
  arch: word(['arm64', 'x86']),
  config: str('the profile'),
  content: str('hash of everything that went in'),
  files: list(str()),
  kconfig: list(str()),
  headers: count(),
  notes: list(str()),
  assumptions: list(object({ call: str(), parameter: str(), value: str(), file: str() })),
  unresolved: list(str()),
  fields: list(str()),
  predicates: list(str()),
  limits: list(str())
} as const
const runOutcome = { type: ['string', 'object'] }
const change = object(
  {
    kind: word(['new', 'different', 'verdict', 'fixed']),
    property: str(),
    site: str(),
    decision: str(),
    was: orNull(object({ site: str(), decision: str() })),
    forbidden: bool(),
    status: word(['fail', 'warn', 'pass']),
    runs: list(object({ file: str(), test: str(), platform: str(), before: runOutcome, after: runOutcome }))
  },
  {
    id: str(),
    summary: str(),
    trace: list(traceStep, 'the shortest way to it'),
    run: str('the command that checks it again')
  }
)
const review = {
  before: str(),
  after: str(),
  compared: count('runs on both sides'),
  identical: bool('both sides compile to the same code'),
  changes: list(change),
  undecided: count(),
  skipped: map(count(), 'runs by reason'),
  introduced: list(object({ platform: str(), base: str(), runs: count() })),
  notes: list(str()),
  errors: diagnostics
} as const
const divergence = orNull(object({ scenario: str(), seed: int(), program: list(str()), operation: str(), what: str() }))

interface Format {
  /** Commands that write it, for people. */
  readonly of: string
  readonly result: Schema
}

const withFormat = (
  properties: Readonly<Record<string, Schema>>,
  maybe: Readonly<Record<string, Schema>> = {}
): Schema => object({ format: { const: 1 }, ...properties }, maybe)

/** By name: that of the verb, or of its part. */
export const formats: Readonly<Record<string, Format>> = {
  check: {
    of: 'tbit check --format json',
    result: withFormat(
      { results: list(checkResult), errors: diagnostics, warnings: diagnostics, summary: str(), exit: int() },
      { interrupted: object({ of: count('runs that were wanted') }) }
    )
  },
  'check-explain': {
    of: 'tbit check --explain --format json',
    result: withFormat({
      explain: list(
        object({ file: str(), test: str(), kernel: str(), platform: str(), text: str('the test in its normal form') })
      ),
      errors: diagnostics,
      warnings: diagnostics
    })
  },
  run: {
    of: 'tbit run --format json',
    result: withFormat({
      file: str(),
      test: str(),
      kernel: str(),
      platform: str(),
      end: str(),
      findings: list(object({ property: str(), summary: str() })),
      statements: list(object({ thread: str(), text: str() })),
      log: list(str()),
      schedule: str(),
      errors: diagnostics
    })
  },
  compare: {
    of: 'tbit compare --format json',
    result: withFormat({
      before: str(),
      after: str(),
      results: list(
        object({
          file: str(),
          test: str(),
          platform: str(),
          changed: bool(),
          before: side,
          after: side,
          new: list(str()),
          fixed: list(str()),
          unchanged: list(str()),
          causes: list(object({ decision: str(), source: str() }))
        })
      ),
      errors: diagnostics
    })
  },
  share: {
    of: 'a line of --out of tbit check, compare and hunt',
    result: withFormat(
      { kind: word(['share', 'answer']), run: str('names the work: answers of another run do not fit') },
      {
        verb: str('of a share: what is done'),
        arguments: list(str()),
        share: str('I/N'),
        item: str('of an answer: what goes to one share as a whole'),
        key: str('one task of it'),
        value: {}
      }
    )
  },
  hunt: {
    of: 'tbit hunt --format json',
    result: withFormat({
      kernel: str(),
      platform: str(),
      complete: bool(),
      states: count(),
      findings: list(
        object({
          id: str(),
          title: str(),
          property: str(),
          summary: str(),
          trace: list(traceStep),
          litmus: str('the whole test, which tbit check confirms')
        })
      ),
      errors: diagnostics
    })
  },
  'hunt-contract': {
    of: 'tbit hunt --contract --format json',
    result: withFormat({
      clauses: list(
        object({
          name: str(),
          words: str('what the client keeps to'),
          otherwise: str('what would be reported; empty: nothing'),
          levels: list(str())
        })
      ),
      errors: diagnostics
    })
  },
  'hunt-scenes': {
    of: 'tbit hunt --scenes --format json',
    result: withFormat({
      kernel: str(),
      platform: str(),
      ingredients: list(object({ name: str(), does: str() })),
      scenes: list(object({ name: str(), with: list(str()), level: str(), head: list(str('a block of a test')) })),
      errors: diagnostics
    })
  },
  rules: {
    of: 'tbit rules --format json',
    result: withFormat({
      platforms: list(object({ platform: str(), kernel: str(), rows: list(object({})), requests: list(object({})) })),
      errors: diagnostics
    })
  },
  'rules-failures': {
    of: 'tbit rules --failures --format json',
    result: withFormat({
      failures: list(object({ kernel: str(), platform: str(), steps: list(object({})) })),
      errors: diagnostics
    })
  },
  'rules-flag': {
    of: 'tbit rules --flag --format json',
    result: withFormat({
      flags: list(object({ kernel: str(), platform: str(), storage: str(), verdict: str() })),
      errors: diagnostics
    })
  },
  revisions: { of: 'tbit revisions --format json', result: withFormat({ revisions: list(revision) }) },
  revision: { of: 'tbit revisions K --format json', result: withFormat({ revision }) },
  'revisions-two': {
    of: 'tbit revisions K1 K2 --format json',
    result: withFormat({
      before: str(),
      after: str(),
      differences: list(
        object({
          decision: str(),
          before: { type: ['string', 'boolean'] },
          after: { type: ['string', 'boolean'] },
          source: str()
        })
      )
    })
  },
  list: {
    of: 'tbit list --format json',
    result: withFormat({
      of: count('tests that were looked through'),
      tests: list(
        object({
          name: str(),
          file: str(),
          topic: str(),
          title: str(),
          sources: list(str()),
          platforms: list(str()),
          kernels: list(str()),
          operations: list(str()),
          properties: list(str('of its expectations'))
        })
      ),
      errors: diagnostics
    })
  },
  'replay-each': {
    of: 'tbit replay --each --format json',
    result: withFormat({
      of: count(),
      interrupted: bool(),
      recordings: list(
        object({
          file: str(),
          host: orNull(str()),
          day: orNull(str()),
          machine: orNull(str()),
          answer: orNull(str()),
          sentences: list(str()),
          kernel: orNull(str()),
          events: count(),
          lossy: bool(),
          interrupted: bool(),
          nslabs: orNull(count()),
          hiwater: orNull(count()),
          needed: orNull(count()),
          failed: count(),
          bounced_bytes: count(),
          copied_bytes: count(),
          leaks: list(str()),
          warnings: list(str())
        })
      ),
      errors: diagnostics
    })
  },
  replay: {
    of: 'tbit replay --format json',
    result: withFormat({
      lines: count(),
      events: count(),
      lost: count(),
      pool: orNull(object({ nslabs: orNull(count()), areas: orNull(count()) })),
      predicted: object({
        hiwater: orNull(count()),
        failed_maps: orNull(count()),
        exact: object({ compared: count(), equal: count() })
      }),
      measured: object({ hiwater: orNull(count()), failed_maps: orNull(count()) }),
      devices: list(
        object({
          name: str(),
          maps: count(),
          segments: count(),
          bytes: count(),
          bounced_segments: count(),
          bounced_bytes: count(),
          peak_slots: count()
        })
      ),
      errors: list(object({}))
    })
  },
  'explain-log': {
    of: 'tbit explain log --format json',
    result: withFormat({
      kernel: orNull(str()),
      pool: orNull(object({})),
      failures: list(object({ kind: str(), cause: str(), count: count(), line: count() })),
      advice: list(str()),
      errors: diagnostics
    })
  },
  'explain-dma': {
    of: 'tbit explain dma --format json',
    result: withFormat({
      kernel: str(),
      platform: str(),
      decisions: list(object({ fn: str(), text: str() })),
      path: str(),
      handle: orNull(str()),
      read: access,
      write: access
    })
  },
  'explain-word': {
    of: 'tbit explain WORD --format json',
    result: withFormat({
      meanings: list(
        object({ kind: str(), name: str(), says: list(str(), 'paragraphs'), see: list(str(), 'commands') })
      )
    })
  },
  size: {
    of: 'tbit size --format json',
    result: withFormat({
      bytes: count(),
      slots: count(),
      areas: count(),
      limited_by: str(),
      platform: str(),
      kernel: str()
    })
  },
  'size-rules': {
    of: 'tbit size --rules --format json',
    result: withFormat({ rules: list(object({ id: str(), since: str(), rule: str(), source: str() })) })
  },
  'plan-costs': {
    of: 'tbit plan --show-costs --format json',
    result: withFormat({ unit: str(), costs: list(object({ key: str(), low: num(), high: num(), why: str() })) })
  },
  'plan-coverage': {
    of: 'tbit plan --coverage --format json',
    result: withFormat({
      coverage: list(
        object({ generation: str(), side: str(), total: count(), modelled: count(), commands: list(object({})) })
      )
    })
  },
  plan: {
    of: 'tbit plan --format json',
    result: { allOf: [plan, withFormat({ rim: orNull(str()), plans: list(plan) })] }
  },
  'conform-swiotlb': {
    of: 'tbit conform swiotlb --format json',
    result: withFormat({
      files: count(),
      operations: count(),
      mismatches: count(),
      first: orNull(object({})),
      results: list(object({ file: str(), operations: count(), mismatches: count() })),
      errors: diagnostics
    })
  },
  'conform-rmm': {
    of: 'tbit conform rmm --format json',
    result: withFormat({
      files: count(),
      operations: count(),
      mismatches: count(),
      first: orNull(object({})),
      errors: diagnostics
    })
  },
  'kernel-build': {
    of: 'tbit kernel build --format json',
    result: withFormat({
      ...kernelImage,
      cached: bool(),
      path: orNull(str()),
      bytes: count(),
      seconds: num(),
      errors: diagnostics
    })
  },
  'kernel-test': {
    of: 'tbit kernel test --format json',
    result: withFormat({
      files: count(),
      operations: count(),
      mismatches: count(),
      first: orNull(place),
      random: object({ operations: count(), first: divergence }),
      results: list(
        object({ file: str(), recordedOn: str(), operations: count(), mismatches: count(), skipped: orNull(str()) })
      ),
      kernel: object(kernelImage),
      errors: diagnostics
    })
  },
  'kernel-check': {
    of: 'tbit kernel check --format json',
    result: withFormat(
      { results: list(checkResult), errors: diagnostics },
      {
        tree: object({
          name: str(),
          version: str(),
          content: str(),
          revision: str('of ours, around the C'),
          otherwise: object({}),
          notes: list(str()),
          limits: list(str())
        })
      }
    )
  },
  'kernel-diff': { of: 'tbit kernel diff --format json', result: withFormat(review) },
  'kernel-series': {
    of: 'tbit kernel series --format json',
    result: withFormat({
      base: str(),
      total: count(),
      patches: list(object({ number: count(), subject: str(), state: str() }, review)),
      errors: diagnostics
    })
  },
  'kernel-audit': {
    of: 'tbit kernel audit --format json',
    result: withFormat({
      tree: str(),
      version: str(),
      unit: object({
        field: str(),
        kind: word(['alone', 'bitfield', 'bitmap']),
        file: str(),
        line: count(),
        members: list(str(), 'of the storage unit')
      }),
      writers: list(
        object({
          file: str(),
          line: count(),
          function: str(),
          member: str(),
          how: word(['read-modify-write', 'store', 'atomic']),
          text: str(),
          certain: bool(),
          locks: list(str()),
          comment: orNull(str()),
          callers: orNull(object({ calls: count(), locks: list(str()), bare: count() })),
          reached: word(['by calls', 'not called', 'not compiled'])
        })
      ),
      common: list(str(), 'locks that every writer holds'),
      open: bool('an update can be lost'),
      files: count(),
      others: count(),
      verdict: str(),
      errors: diagnostics
    })
  },
  'conform-kernel': {
    of: 'tbit conform kernel --format json',
    result: withFormat({
      files: count(),
      operations: count(),
      mismatches: count(),
      first: divergence,
      tree: str(),
      version: str(),
      scenarios: list(
        object({
          name: str(),
          kernel: str(),
          platform: str(),
          operations: count(),
          programs: count(),
          diverged: count()
        })
      ),
      bounds: str(),
      errors: diagnostics
    })
  },
  'conform-rmm-hangs': {
    of: 'tbit conform rmm --hangs --format json',
    result: withFormat({
      firmware: str(),
      alone: count(),
      pairs: count(),
      findings: list(object({ kind: str(), identity: str(), commands: list(str()), recorded: str() }))
    })
  }
}

/** What every verb writes for wrong use: nothing but what is wrong. */
const failed: Schema = object({ format: { const: 1 }, errors: { ...diagnostics, minItems: 1 } })

/** The whole schema of a format. */
export const schemaOf = (name: string): Schema => ({
  $schema: 'https://json-schema.org/draft/2020-12/schema',
  title: `${own(formats, name)?.of ?? name}, format 1`,
  description: 'The fields named here stay; more may come. Wrong use of the command line: format and errors alone.',
  anyOf: [own(formats, name)?.result ?? {}, failed]
})

/** Files of docs/formats/ by name. */
export const formatFiles = (): Readonly<Record<string, string>> =>
  Object.fromEntries(
    Object.keys(formats).map((name) => [`${name}.schema.json`, `${JSON.stringify(schemaOf(name), null, 1)}\n`])
  )
