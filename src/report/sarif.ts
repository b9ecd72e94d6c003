// SARIF 2.1.0 (OASIS): what code hosts and editors show beside the line. Only what a reader must look at becomes a
// result.
import type { Diagnostic } from '../base/index.ts'

export interface SarifResult {
  readonly ruleId: string
  readonly level: 'error' | 'warning' | 'note'
  readonly message: { readonly text: string }
  readonly locations: readonly object[]
  readonly partialFingerprints?: Readonly<Record<string, string>>
  readonly baselineState?: string
}

/** A place in a file; a line of 0 is the whole file. */
export const sarifLocation = (uri: string, line: number): object => ({
  physicalLocation: { artifactLocation: { uri }, ...(line > 0 ? { region: { startLine: line } } : {}) }
})

export const sarifError = (d: Diagnostic, lead = '', level: SarifResult['level'] = 'error'): SarifResult => ({
  ruleId: d.code,
  level,
  message: { text: `${lead}${d.message}` },
  locations: [sarifLocation(d.file, d.line)]
})

/** One run of the tool. `does`: what a rule means, where it is known. */
export function sarif(
  results: readonly SarifResult[],
  does: (rule: string) => string | undefined = () => undefined
): string {
  const rules = [...new Set(results.map((x) => x.ruleId))].map((id) => ({
    id,
    ...(does(id) === undefined ? {} : { shortDescription: { text: does(id) } })
  }))
  return (
    JSON.stringify(
      {
        version: '2.1.0',
        $schema: 'https://json.schemastore.org/sarif-2.1.0.json',
        runs: [{ tool: { driver: { name: 'tbit', rules } }, results }]
      },
      null,
      1
    ) + '\n'
  )
}
