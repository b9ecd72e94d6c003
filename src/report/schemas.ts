// The JSON that verbs write, as JSON Schema (2020-12): the one source of docs/formats/. What stands here stays in format 1; more fields may come, so
// that nothing forbids another.
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
const map = (values: Schema, description?: string): Schema => said({ type: 'object', additionalProperties: values }, description)
/** An object with these fields at least; `maybe` those that may be absent. */
const object = (properties: Readonly<Record<string, Schema>>, maybe: Readonly<Record<string, Schema>> = {}): Schema => ({ type: 'object', required: Object.keys(properties), properties: { ...properties, ...maybe } })

const diagnostic = object(
  { code: str('TB-nnn, see docs/errors.md'), file: str(), line: count('from 1; 0: about the whole file'), column: count(), word: str('the offending word, as written'), message: str() },
  { expected: list(str()), nearest: list(str()), hint: str(), severity: word(['warning']) }
)
const diagnostics = list(diagnostic)

const traceStep = object({ thread: str(), text: str() })
const violation = object({ id: str('stable from one revision of a patch to the next'), property: str(), summary: str(), trace: list(traceStep, 'the shortest way to it') }, { site: str(), decision: str(), schedule: str('for tbit run --schedule') })
const verdict = word(['violated', 'incomplete', 'vacuous', 'ok', 'skipped'], 'the first that applies')
const checkResult = object(
  { file: str(), test: str(), kernel: str(), platform: str(), verdict, violations: list(violation), reported: list(violation, 'findings that are not forbidden'), states: count(), transitions: count(), complete: bool(), expected: word(['match', 'mismatch', null]) },
  { reason: str('why it was skipped'), notes: list(str()), coverage: object({ interleave: word(['steps', 'calls']), maxStates: count() }) }
)

const side = object({ verdict, properties: list(str()), complete: bool(), states: count() })
const decision = object({ value: { type: ['string', 'boolean'] }, source: str() })
const revision = object({ name: str(), title: str(), kind: str(), date: str(), decisions: map(decision) })
const commands = map(count(), 'count by name')
const plan = object({ strategy: str(), commands, total_commands: count(), table_bytes: count(), cost_units: num(), blocks: object({ '4K': count(), '2M': count(), '1G': count() }) })
const access = orNull(object({ outcome: str(), rule: { type: ['string', 'null'] } }))

interface Format {
  /** Commands that write it, for people. */
  readonly of: string
  readonly result: Schema
}

const withFormat = (properties: Readonly<Record<string, Schema>>, maybe: Readonly<Record<string, Schema>> = {}): Schema => object({ format: { const: 1 }, ...properties }, maybe)

/** By name: that of the verb, or of its part. */
export const formats: Readonly<Record<string, Format>> = {
  check: { of: 'tbit check --format json', result: withFormat({ results: list(checkResult), errors: diagnostics, warnings: diagnostics, summary: str(), exit: int() }, { interrupted: object({ of: count('runs that were wanted') }) }) },
  'check-explain': { of: 'tbit check --explain --format json', result: withFormat({ explain: list(object({ file: str(), test: str(), kernel: str(), platform: str(), text: str('the test in its normal form') })), errors: diagnostics, warnings: diagnostics }) },
  run: { of: 'tbit run --format json', result: withFormat({ file: str(), test: str(), kernel: str(), platform: str(), end: str(), findings: list(object({ property: str(), summary: str() })), statements: list(object({ thread: str(), text: str() })), log: list(str()), schedule: str(), errors: diagnostics }) },
  compare: { of: 'tbit compare --format json', result: withFormat({ before: str(), after: str(), results: list(object({ file: str(), test: str(), platform: str(), changed: bool(), before: side, after: side, new: list(str()), fixed: list(str()), unchanged: list(str()), causes: list(object({ decision: str(), source: str() })) })), errors: diagnostics }) },
  hunt: { of: 'tbit hunt --format json', result: withFormat({ kernel: str(), platform: str(), complete: bool(), states: count(), findings: list(object({ id: str(), title: str(), property: str(), summary: str(), trace: list(traceStep), litmus: str('the whole test, which tbit check confirms') })), errors: diagnostics }) },
  rules: { of: 'tbit rules --format json', result: withFormat({ platforms: list(object({ platform: str(), kernel: str(), rows: list(object({})), requests: list(object({})) })), errors: diagnostics }) },
  'rules-failures': { of: 'tbit rules --failures --format json', result: withFormat({ failures: list(object({ kernel: str(), platform: str(), steps: list(object({})) })), errors: diagnostics }) },
  'rules-flag': { of: 'tbit rules --flag --format json', result: withFormat({ flags: list(object({ kernel: str(), platform: str(), storage: str(), verdict: str() })), errors: diagnostics }) },
  revisions: { of: 'tbit revisions --format json', result: withFormat({ revisions: list(revision) }) },
  revision: { of: 'tbit revisions K --format json', result: withFormat({ revision }) },
  'revisions-two': { of: 'tbit revisions K1 K2 --format json', result: withFormat({ before: str(), after: str(), differences: list(object({ decision: str(), before: { type: ['string', 'boolean'] }, after: { type: ['string', 'boolean'] }, source: str() })) }) },
  list: { of: 'tbit list --format json', result: withFormat({ of: count('tests that were looked through'), tests: list(object({ name: str(), file: str(), topic: str(), title: str(), sources: list(str()), platforms: list(str()), kernels: list(str()), operations: list(str()), properties: list(str('of its expectations')) })), errors: diagnostics }) },
  replay: {
    of: 'tbit replay --format json',
    result: withFormat({
      lines: count(), events: count(), lost: count(), pool: orNull(object({ nslabs: orNull(count()), areas: orNull(count()) })),
      predicted: object({ hiwater: orNull(count()), failed_maps: orNull(count()), exact: object({ compared: count(), equal: count() }) }), measured: object({ hiwater: orNull(count()), failed_maps: orNull(count()) }),
      devices: list(object({ name: str(), maps: count(), segments: count(), bytes: count(), bounced_segments: count(), bounced_bytes: count(), peak_slots: count() })), errors: list(object({}))
    })
  },
  'explain-log': { of: 'tbit explain log --format json', result: withFormat({ kernel: orNull(str()), pool: orNull(object({})), failures: list(object({ kind: str(), cause: str(), count: count(), line: count() })), advice: list(str()), errors: diagnostics }) },
  'explain-dma': { of: 'tbit explain dma --format json', result: withFormat({ kernel: str(), platform: str(), decisions: list(object({ fn: str(), text: str() })), path: str(), handle: orNull(str()), read: access, write: access }) },
  'explain-word': { of: 'tbit explain WORD --format json', result: withFormat({ meanings: list(object({ kind: str(), name: str(), says: list(str(), 'paragraphs'), see: list(str(), 'commands') })) }) },
  size: { of: 'tbit size --format json', result: withFormat({ bytes: count(), slots: count(), areas: count(), limited_by: str(), platform: str(), kernel: str() }) },
  'size-rules': { of: 'tbit size --rules --format json', result: withFormat({ rules: list(object({ id: str(), since: str(), rule: str(), source: str() })) }) },
  'plan-costs': { of: 'tbit plan --show-costs --format json', result: withFormat({ unit: str(), costs: list(object({ key: str(), low: num(), high: num(), why: str() })) }) },
  'plan-coverage': { of: 'tbit plan --coverage --format json', result: withFormat({ coverage: list(object({ generation: str(), side: str(), total: count(), modelled: count(), commands: list(object({})) })) }) },
  plan: { of: 'tbit plan --format json', result: { allOf: [plan, withFormat({ rim: orNull(str()), plans: list(plan) })] } },
  'conform-swiotlb': { of: 'tbit conform swiotlb --format json', result: withFormat({ files: count(), operations: count(), mismatches: count(), first: orNull(object({})), results: list(object({ file: str(), operations: count(), mismatches: count() })), errors: diagnostics }) },
  'conform-rmm': { of: 'tbit conform rmm --format json', result: withFormat({ files: count(), operations: count(), mismatches: count(), first: orNull(object({})), errors: diagnostics }) },
  'conform-rmm-hangs': { of: 'tbit conform rmm --hangs --format json', result: withFormat({ firmware: str(), alone: count(), pairs: count(), findings: list(object({ kind: str(), identity: str(), commands: list(str()), recorded: str() })) }) }
}

/** What every verb writes for wrong use: nothing but what is wrong. */
const failed: Schema = object({ format: { const: 1 }, errors: { ...diagnostics, minItems: 1 } })

/** The whole schema of a format. */
export const schemaOf = (name: string): Schema => ({
  $schema: 'https://json-schema.org/draft/2020-12/schema', title: `${own(formats, name)?.of ?? name}, format 1`,
  description: 'The fields named here stay; more may come. Wrong use of the command line: format and errors alone.', anyOf: [own(formats, name)?.result ?? {}, failed]
})

/** Files of docs/formats/ by name. */
export const formatFiles = (): Readonly<Record<string, string>> => Object.fromEntries(Object.keys(formats).map((name) => [`${name}.schema.json`, `${JSON.stringify(schemaOf(name), null, 1)}\n`]))
