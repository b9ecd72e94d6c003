// A kernel source tree: a directory (git checkout or unpacked package) or a tarball, of which only the needed parts are
// unpacked.
import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, readdirSync, readFileSync, statSync, openSync, readSync, closeSync } from 'node:fs'
import { basename, isAbsolute, join, normalize, resolve } from 'node:path'
import { type Diagnostic, type Result, err, ok } from '../base/index.ts'
import { cachedTree } from './cache.ts'
import { complain } from './complain.ts'
import { stamped } from './seen.ts'

export interface Tree {
  /** As the user named it. */
  readonly name: string
  readonly dir: string
  /** `6.12.117` from the top Makefile. */
  readonly version: string
  readonly major: number
  readonly minor: number
  /** The text of a file of the tree, null when there is none. */
  read(path: string): string | null
}

/** Oldest kernel that is known to build. */
const OLDEST = { major: 6, minor: 1 } as const

// What the units include, with room for a patch that includes more from the same places.
export const PARTS = [
  'Makefile',
  'kernel/dma',
  'include',
  'drivers/iommu/dma-iommu.c',
  'drivers/iommu/dma-iommu.h',
  'drivers/iommu/iommu-pages.h',
  'lib/genalloc.c',
  'lib/scatterlist.c',
  'arch/arm64/Kconfig',
  'arch/arm64/mm',
  'arch/arm64/include',
  'arch/arm64/kernel/rsi.c',
  'arch/x86/Kconfig',
  'arch/x86/mm',
  'arch/x86/include',
  'arch/x86/coco'
]

/** Whether a file of a tree can be part of what is compiled here. */
export const compiledFrom = (path: string): boolean => PARTS.some((p) => path === p || path.startsWith(`${p}/`))

export function makefileVersion(text: string): { version: string; major: number; minor: number } | null {
  const get = (k: string) => new RegExp(`^${k}[ \\t]*=[ \\t]*(\\S*)`, 'm').exec(text)?.[1]
  const [v, p, s, e] = [get('VERSION'), get('PATCHLEVEL'), get('SUBLEVEL'), get('EXTRAVERSION')]
  if (!v || !p || !/^\d+$/.test(v) || !/^\d+$/.test(p)) return null
  return { version: `${v}.${p}.${s || '0'}${e ?? ''}`, major: Number(v), minor: Number(p) }
}

const ESSENTIAL = [
  'kernel/dma/swiotlb.c',
  'kernel/dma/direct.c',
  'kernel/dma/direct.h',
  'include/linux/swiotlb.h',
  'include/linux/device.h',
  'include/linux/dma-mapping.h'
] as const

/** Texts that tell one tree from another without a build: the version, and the files that each must have. */
export const textsOf = (tree: Tree): string[] => [tree.version, ...ESSENTIAL.map((f) => tree.read(f) ?? '')]

/** Opens a tree by directory or tarball. Errors: TB-600 to TB-603. */
export function openTree(path: string): Result<Tree, Diagnostic> {
  if (!existsSync(path))
    return err(
      complain('TB-600', path, 'no such file or directory', {
        hint: 'give a kernel source directory, or a tarball such as linux-source-6.12.tar.xz'
      })
    )
  const st = statSync(path)
  if (st.isDirectory()) return openDir(path, resolve(path))
  if (!st.isFile()) return err(complain('TB-600', path, 'neither a directory nor a file'))
  return openTarball(path)
}

/** Bytes of the largest source file that is read; the kernel's largest header has 20 MiB. */
export const LARGEST_SOURCE = 32 << 20

/** Whether a path, taken from the top of a tree, is one outside of it. */
export const leavesTree = (path: string): boolean => /^\.\.(\/|$)/.test(normalize(path)) || isAbsolute(path)

export function openDir(name: string, dir: string): Result<Tree, Diagnostic> {
  const read = stamped(
    (p) => {
      // A path may come from a patch or an #include: nothing outside the tree is read, and no device.
      if (leavesTree(p)) return null
      try {
        const s = statSync(join(dir, p))
        return s.isFile() && s.size <= LARGEST_SOURCE ? readFileSync(join(dir, p), 'utf8') : null
      } catch {
        return null
      }
    },
    (p) => (leavesTree(p) ? '' : join(dir, p))
  )
  const makefile = read('Makefile')
  const v = makefile === null ? null : makefileVersion(makefile)
  if (!v) {
    // One directory down is where a tarball puts it.
    const below = readdirSync(dir, { withFileTypes: true })
      .filter((e) => e.isDirectory() && existsSync(join(dir, e.name, 'kernel/dma/direct.c')))
      .map((e) => e.name)
    return err(
      complain(
        'TB-600',
        name,
        makefile === null
          ? 'not a kernel source tree: it has no Makefile'
          : 'not a kernel source tree: its Makefile names no VERSION and PATCHLEVEL',
        {
          hint:
            below.length > 0
              ? `there is one below: ${below.map((b) => join(name, b)).join(', ')}`
              : 'the top directory of the source is wanted, the one with kernel/ and include/'
        }
      )
    )
  }
  if (v.major < OLDEST.major || (v.major === OLDEST.major && v.minor < OLDEST.minor)) {
    return err(
      complain('TB-601', name, `Linux ${v.version} is not supported`, {
        word: v.version,
        expected: [`${OLDEST.major}.${OLDEST.minor} or later`]
      })
    )
  }
  for (const f of ESSENTIAL) {
    if (read(f) === null)
      return err(
        complain('TB-602', name, `the tree has no ${f}`, {
          word: f,
          hint: 'a partial checkout will do, if it has kernel/dma, include and arch'
        })
      )
  }
  return ok({ name, dir, ...v, read })
}

function magic(path: string): string {
  const fd = openSync(path, 'r')
  const b = Buffer.alloc(6)
  const n = readSync(fd, b, 0, 6, 0)
  closeSync(fd)
  if (n >= 6 && b[0] === 0xfd && b.toString('latin1', 1, 5) === '7zXZ') return 'xz'
  if (n >= 2 && b[0] === 0x1f && b[1] === 0x8b) return 'gzip'
  if (n >= 3 && b.toString('latin1', 0, 3) === 'BZh') return 'bzip2'
  if (n >= 4 && b.readUInt32LE(0) === 0xfd2fb528) return 'zstd'
  return ''
}

/** The command that writes what is in a tarball, whatever packs it. */
export function packerOf(path: string): string[] {
  const kind = magic(path)
  return kind === '' ? ['cat'] : [kind, '-dc', ...(kind === 'xz' ? ['-T0'] : [])]
}

// A tarball is unpacked once; its key is its name, size and time, as reading 150 MB to hash it would cost more than the
// build.
function openTarball(path: string): Result<Tree, Diagnostic> {
  const full = resolve(path)
  const st = statSync(full)
  const kind = magic(full)
  const named = /\.tar(\.\w+)?$|\.t[gx]z$/.test(full)
  if (!kind && !named)
    return err(
      complain('TB-600', path, 'neither a directory nor a tarball', {
        hint: 'give a kernel source directory, or a .tar, .tar.xz, .tar.gz, .tar.bz2 or .tar.zst'
      })
    )
  const key = createHash('sha256')
    .update(`${full}\0${st.size}\0${st.mtimeMs}\0${PARTS.join()}`)
    .digest('hex')
    .slice(0, 16)
  const made = cachedTree(
    `${basename(full).replace(/\.t.*$/, '')}-${key}`,
    (part) => unpack(path, full, kind, part),
    noPlace
  )
  return 'error' in made ? err(made.error) : openDir(path, made.at)
}

/** Trees are taken out where nothing can be written. */
export const noPlace = (dir: string, why: string): Diagnostic =>
  complain('TB-002', dir, `cannot be written: ${why.replace(/, mkdir .*/, '')}`, {
    word: dir,
    hint: 'TBIT_CACHE=DIR keeps it elsewhere; a tree that is a directory is read where it is'
  })

function unpack(path: string, full: string, kind: string, part: string): Diagnostic | null {
  const has = (tool: string): boolean => spawnSync(tool, ['--version'], { stdio: 'ignore' }).error === undefined
  const missing = ['tar', ...(kind ? [kind] : [])].filter((t) => !has(t))
  if (missing.length > 0)
    return complain('TB-603', path, `cannot unpack: ${missing.join(' and ')} not found`, {
      word: missing[0] ?? '',
      hint:
        `install ${missing.map((m) => (m === 'xz' ? 'xz (package xz-utils)' : m)).join(' and ')}, or unpack the ` +
        'source and give its directory'
    })
  // xz unpacks blocks on all cores: half of what a cold build costs
  const r = spawnSync(
    'tar',
    [
      '-xf',
      full,
      ...(kind === 'xz' ? ['-I', 'xz -T0'] : []),
      '-C',
      part,
      '--no-same-owner',
      '--strip-components=1',
      '--wildcards',
      ...PARTS.flatMap((p) => [`*/${p}`, `./*/${p}`])
    ],
    { stdio: ['ignore', 'ignore', 'pipe'], encoding: 'utf8' }
  )
  // tar complains about patterns that match nothing; what counts is what came out
  if (existsSync(join(part, 'Makefile'))) return null
  const why = r.stderr.split('\n').find((l) => l.trim() !== '' && !/Not found in archive/.test(l)) ?? ''
  return complain(
    'TB-600',
    path,
    why ? `cannot unpack: ${why.trim()}` : 'the tarball holds no kernel source: no Makefile in its top directory'
  )
}
