// An image whose calls can stop in their middle: what is woven tells the embedder of each access (weave.ts), and
// binaryen's asyncify makes code that unwinds the stack into memory there and winds it again.
import { type Diagnostic, type Result, err, ok } from '../base/index.ts'
import { STOPS } from '../kernel-c/stepping.ts'
import { complain } from './complain.ts'
import { lateImport } from './late-import.ts'
import { weave, weavingText } from './weave.ts'

interface BinaryenModule {
  emitBinary(): Uint8Array
  runPasses(passes: string[]): void
  validate(): number
  optimize(): void
  dispose(): void
  setFeatures(f: number): void
}
interface Binaryen {
  readonly Features: {
    readonly Atomics: number
    readonly MutableGlobals: number
    readonly NontrappingFPToInt: number
  }
  readBinary(b: Uint8Array): BinaryenModule
  setOptimizeLevel(n: number): void
  setShrinkLevel(n: number): void
  setDebugInfo(on: boolean): void
  setPassArgument(name: string, value: string): void
  clearPassArguments(): void
}

/** TB-606 when the optional dependency is not installed. */
export async function loadBinaryen(): Promise<Result<Binaryen, Diagnostic>> {
  try {
    return ok(((await lateImport('binaryen')) as { default: Binaryen }).default)
  } catch (e) {
    return err(
      complain(
        'TB-606',
        'binaryen',
        `what calls that can stop need is not installed (${(e as Error).message.split('\n')[0]})`,
        {
          hint: 'it comes with a checkout, not with the package: npm install binaryen'
        }
      )
    )
  }
}

const STOP_IMPORTS = Object.keys(STOPS).map((name) => `tbit.${name}`)

const LIBRARY = 'binaryen 132.0.0'

/** What an image depends on here. */
export const imageText = (): string => [LIBRARY, ...weavingText(), withStops, STOP_IMPORTS].map(String).join('\0')

/**
 * wasm64 in, plain wasm out, woven, with calls that can stop. Optimised, since what asyncify adds is several times the
 * code. Function names stay.
 */
export function withStops(binaryen: Binaryen, wasm64: Uint8Array): Uint8Array {
  const m = binaryen.readBinary(weave(wasm64, { steps: true }))
  const on = binaryen.Features
  m.setFeatures(on.Atomics | on.MutableGlobals | on.NontrappingFPToInt)
  binaryen.setDebugInfo(true)
  binaryen.setPassArgument('asyncify-imports', STOP_IMPORTS.join())
  m.runPasses(['asyncify'])
  binaryen.clearPassArguments()
  binaryen.setOptimizeLevel(2)
  binaryen.setShrinkLevel(0)
  m.optimize()
  if (!m.validate()) throw new Error('binaryen does not accept the module')
  const out = m.emitBinary()
  m.dispose()
  return out
}
