// Whether to colour: what the command line says, then the environment (NO_COLOR, FORCE_COLOR), then whether a terminal
// is there.
import { type Diagnostic, unknownWord } from '../base/index.ts'

export const colourWords = ['auto', 'always', 'never'] as const
type Colour = (typeof colourWords)[number]

export interface ColourWish {
  readonly colour: boolean
  /** The arguments without --color. */
  readonly rest: readonly string[]
  readonly error: Diagnostic | null
}

const isColour = (w: string | undefined): w is Colour => (colourWords as readonly (string | undefined)[]).includes(w)

/** `FORCE_COLOR=0` and an empty variable say nothing for colour; any NO_COLOR that is not empty says no. */
function byEnvironment(env: Readonly<Record<string, string | undefined>>, terminal: boolean): boolean {
  if (env['NO_COLOR']) return false
  const force = env['FORCE_COLOR']
  if (force !== undefined && force !== '') return force !== '0' && force !== 'false'
  return terminal
}

/** Takes `--color WHEN` and `--color=WHEN` out of the arguments of any verb; the last one counts. */
export function colourWish(
  args: readonly string[],
  env: Readonly<Record<string, string | undefined>>,
  terminal: boolean
): ColourWish {
  const rest: string[] = []
  let said: Colour = 'auto'
  let error: Diagnostic | null = null
  for (let i = 0; i < args.length; i++) {
    const a = args[i] as string
    if (a === '--') {
      rest.push(...args.slice(i))
      break
    }
    const option = a === '--color' || a === '--colour' ? a : /^--colou?r(?==)/.exec(a)?.[0]
    if (option === undefined) {
      rest.push(a)
      continue
    }
    const word = a === option ? args[++i] : a.slice(option.length + 1)
    if (isColour(word)) said = word
    else
      error = unknownWord(
        {
          code: 'TB-001',
          file: 'tbit',
          line: 0,
          column: 0,
          word: word ?? '',
          message: word === undefined ? `${option} names nothing` : `${option}: unknown word '${word}'`,
          expected: [...colourWords]
        },
        colourWords
      )
  }
  return { colour: said === 'auto' ? byEnvironment(env, terminal) : said === 'always', rest, error }
}
