// Compiles and links the assembled sources to one wasm64 module: no native tool chain, no network. The compiler runs in
// a child process (clang-child.mjs says why); here is what it is told and what its errors mean.
import { spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { type Diagnostic, type Result, ensure, err, ok } from '../base/index.ts'
import type { Sources } from './assemble.ts'
import { limit } from './child-limits.ts'
import { keepObjects, type Keeping, keptObjects, objectNames, type Objects } from './objects.ts'
import { overlayDir } from './overlay-dir.ts'
import { complain } from './complain.ts'

export interface CompileError {
  /** Which unit was being compiled. */ readonly unit: string
  readonly file: string
  readonly line: number
  readonly column: number
  readonly text: string
}

const FLAGS = [
  '--target=wasm64-unknown-unknown',
  '-std=gnu11',
  '-O2',
  '-ffreestanding',
  '-nostdinc',
  '-fno-builtin',
  '-fno-strict-aliasing',
  '-fwrapv',
  '-fno-vectorize',
  '-fno-slp-vectorize',
  '-fno-delete-null-pointer-checks',
  '-fms-extensions',
  // an atomic operation is one instruction, so that interleaving does not tear it
  '-matomics',
  // no memory.fill and memory.copy: they would pass by the marks that tell a snapshot what was written
  '-mno-bulk-memory',
  '-mno-bulk-memory-opt',
  '-mno-sign-ext',
  '-mno-multivalue',
  '-mno-reference-types',
  '-w',
  '-Werror=implicit-function-declaration',
  '-Werror=incompatible-pointer-types',
  '-Werror=int-conversion',
  '-fno-caret-diagnostics',
  '-fno-color-diagnostics',
  '-ferror-limit=12',
  '-g0',
  '-D__KERNEL__',
  '-D__DISABLE_EXPORTS',
  '-DKBUILD_MODNAME="tbit"',
  '-DKBUILD_BASENAME="tbit"',
  '-DKBUILD_MODFILE="tbit"'
] as const

const COMPILER = '@yowasp/clang 22.0.0-git20542-10'

/** What the image depends on beside its sources: the compiler, and what it is told. */
export const toolText = (): string => [COMPILER, ...FLAGS, ...LINK].join(' ')

const LINK = [
  '-mwasm64',
  '--no-entry',
  '--stack-first',
  '-z',
  'stack-size=65536',
  '--initial-memory=1048576',
  '--max-memory=268435456',
  '--export=__stack_pointer',
  '--export=__data_end',
  '--export=__heap_base',
  '--import-undefined',
  '--gc-sections'
] as const

type Answer = {
  readonly ok?: true
  /** The units that were compiled, with the bytes of each, in the order in which they stand behind the module. */
  readonly made?: ReadonlyArray<readonly [unit: string, bytes: number]>
  readonly warnings?: string
  readonly missing?: string
  readonly errors?: ReadonlyArray<{ readonly unit: string; readonly stderr: string }>
}

interface Ended {
  readonly code: number | null
  readonly out: Buffer
  readonly err: string
  /** Why it was ended; null: it ended itself. */
  readonly ended: string | null
}

/** A process that loads the compiler and waits for a job. */
export interface Compiler {
  /** Once. */
  run(job: string, progress: (what: string) => void): Promise<Ended>
  /** Ends it where it was not run. */
  stop(): void
}

/** Starts the compiler: it loads while the tree is read, on another core. */
export function startCompiler(
  flags: readonly string[] = ['--liftoff-only', '--wasm-lazy-compilation', '--wasm-lazy-validation']
): Compiler {
  const script = ensure([join(overlayDir(), '..', 'clang-child.mjs')].find(existsSync), 'clang-child.mjs')
  const p = spawn(process.execPath, [...flags, script], { stdio: ['pipe', 'pipe', 'pipe'] })
  const limits = limit(p)
  let progress: (what: string) => void = () => {}
  let hasJob = false
  const ended = new Promise<Ended>((resolve, reject) => {
    const out: Buffer[] = []
    let text = ''
    p.stdout.on('data', (b: Buffer) => {
      out.push(b)
      limits.output(b.length)
    })
    p.stderr.on('data', (b: Buffer) => {
      text += b.toString()
      limits.output(b.length)
      for (const l of b.toString().split('\n')) {
        if (!/^(compiling|linking)/.test(l)) continue
        limits.unit(l.replace(/^compiling /, ''))
        progress(l)
      }
    })
    p.on('error', reject)
    p.on('close', (code) => {
      limits.stop()
      resolve({ code, out: Buffer.concat(out), err: text, ended: limits.reason() })
    })
    p.stdin.on('error', () => {})
  })
  // who stops it does not wait for it
  ended.catch(() => {})
  return {
    run(job, tell) {
      hasJob = true
      progress = tell
      p.stdin.end(job)
      return ended
    },
    stop() {
      if (!hasJob) p.kill('SIGKILL')
    }
  }
}

/**
 * The linked module, and functions that the tree calls with other parameters than the machine has them with: calling
 * one traps.
 */
export interface Linked {
  readonly wasm: Uint8Array
  readonly mismatched: readonly string[]
}

/** What of a build is not about its sources. */
export interface CompileOptions {
  readonly progress?: ((what: string) => void) | undefined
  /** Whether units of other builds are taken, and those of this one kept. */
  readonly keeping: Keeping
  /** Started before; else one is started. */
  readonly compiler?: Compiler | null
}

/**
 * Compiles and links. A list of places is the compiler's own errors; one diagnostic (TB-606, TB-609) when it could not
 * run.
 */
export async function compile(
  s: Sources,
  defines: readonly string[],
  o: CompileOptions
): Promise<Result<Linked, CompileError[] | Diagnostic>> {
  const names = objectNames(s, [toolText(), ...defines])
  const kept: Objects = o.keeping.read ? keptObjects(names) : new Map()
  const r = answered(await ran(jobOf(s, defines, kept), o))
  if (!r.ok) {
    // what was kept may be damaged: then the linker says so, and it is compiled again
    const again = kept.size > 0 && Array.isArray(r.error) && r.error.some((e) => e.unit === 'link')
    return again ? compile(s, defines, { ...o, keeping: { ...o.keeping, read: false }, compiler: null }) : r
  }
  if (o.keeping.write) keepObjects(names, r.value.made)
  return r
}

/** What the child is given (clang-child.mjs): JSON. */
const jobOf = (s: Sources, defines: readonly string[], kept: Objects): string =>
  JSON.stringify({
    files: [...s.files],
    units: s.units,
    kept: [...kept].map(([unit, object]) => [unit, Buffer.from(object).toString('base64')]),
    flags: [...FLAGS, ...s.preludes.flatMap((p) => ['-include', p])],
    link: LINK,
    defines,
    includeDirs: s.includeDirs.filter((d) => [...s.files.keys()].some((f) => f.startsWith(`${d}/`)))
  })

async function ran(job: string, o: CompileOptions): Promise<Ended> {
  const progress = o.progress ?? (() => {})
  const r = await (o.compiler ?? startCompiler()).run(job, progress)
  // a node without these options says so at once
  return r.code === 9 ? startCompiler([]).run(job, progress) : r
}

/** The module that came back, and the units that were compiled for it. */
function answered(r: Ended): Result<Linked & { readonly made: Objects }, CompileError[] | Diagnostic> {
  if (r.ended !== null)
    return err(
      complain(
        'TB-609',
        'clang',
        `the compiler was ended: ${r.ended.replace(/gen\/\w+\.c/, 'the DMA code of the tree')}`,
        { hint: 'an array, a macro or an include of the tree or of the patch is too large for code of the DMA layer' }
      )
    )
  const size = r.out.length >= 4 ? r.out.readUInt32LE(0) : 0
  if (r.code !== 0 || size === 0)
    return err(
      complain('TB-609', 'clang', `the compiler ended without an answer (exit code ${r.code})`, {
        hint: r.err.trim().split('\n').slice(-3).join(' | ')
      })
    )
  const a = JSON.parse(r.out.toString('utf8', 4, 4 + size)) as Answer
  if (a.missing !== undefined)
    return err(
      complain('TB-606', '@yowasp/clang', `the compiler is not installed (${a.missing})`, {
        hint: 'it comes with a checkout, not with the package, since it has about 100 MB: npm install @yowasp/clang'
      })
    )
  if (a.errors) return err(a.errors.flatMap((e) => errorsIn(e.unit, e.stderr)))
  const units = a.made ?? []
  let at = r.out.length - units.reduce((n, [, bytes]) => n + bytes, 0)
  const wasm = new Uint8Array(r.out.subarray(4 + size, at))
  const made = new Map<string, Uint8Array>()
  for (const [unit, bytes] of units) {
    made.set(unit, r.out.subarray(at, at + bytes))
    at += bytes
  }
  return ok({
    wasm,
    made,
    mismatched: [...(a.warnings ?? '').matchAll(/function signature mismatch: (\S+)/g)].map((m) => m[1] ?? '')
  })
}

function errorsIn(unit: string, stderr: string): CompileError[] {
  const found = [...stderr.matchAll(/^(\S+?):(\d+):(\d+): (?:fatal )?error: (.*)$/gm)].map((m) => ({
    unit,
    file: m[1] ?? '',
    line: Number(m[2]),
    column: Number(m[3]),
    text: m[4] ?? ''
  }))
  const link = [...stderr.matchAll(/^wasm-ld: error: (.*)$/gm)].map((m) => ({
    unit,
    file: 'the linker',
    line: 0,
    column: 0,
    text: m[1] ?? ''
  }))
  if (found.length + link.length > 0) return [...found, ...link]
  return [
    {
      unit,
      file: unit,
      line: 0,
      column: 0,
      text: stderr.trim().split('\n')[0] ?? 'the compiler failed without a message'
    }
  ]
}
