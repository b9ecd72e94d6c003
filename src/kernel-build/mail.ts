// A patch in a mail: which files it touches, and what a tree looks like with it.
import { type Diagnostic, type Result, err, ok } from '../base/index.ts'
import { complain } from './complain.ts'
import { type Tree, compiledFrom, leavesTree } from './tree.ts'

/** Body of a mail as it was written: quoted-printable and base64 undone. Text that is no mail comes back as it is. */
export function mailBody(raw: string): string {
  const text = raw.replace(/\r\n/g, '\n')
  const end = text.indexOf('\n\n')
  const head = end < 0 ? '' : text.slice(0, end)
  if (!/^[A-Za-z-]+:/.test(head.replace(/^From .*\n/, ''))) return text
  const body = text.slice(end + 2)
  const how = /^content-transfer-encoding:\s*(\S+)/im.exec(head)?.[1]?.toLowerCase()
  if (how === 'quoted-printable') {
    const bytes = body
      .replace(/=\n/g, '')
      .replace(/=([0-9A-F]{2})/gi, (_, h: string) => String.fromCharCode(Number.parseInt(h, 16)))
    return Buffer.from(bytes, 'latin1').toString('utf8')
  }
  if (how === 'base64') return Buffer.from(body.replace(/\s+/g, ''), 'base64').toString('utf8').replace(/\r\n/g, '\n')
  return body
}

export interface Hunk {
  /** Lines that its head promises and the text does not have: the patch was cut. */ readonly missing: number
  readonly from: number
  readonly old: readonly string[]
  readonly neu: readonly string[]
}
export interface FilePatch {
  readonly path: string /** null: a new file. */
  readonly oldPath: string | null
  readonly deleted: boolean /** Not as text. */
  readonly binary: boolean
  readonly hunks: readonly Hunk[]
}

/** The file patches of a unified diff. */
export function parseDiff(text: string): FilePatch[] {
  const lines = text.split('\n')
  const out: Array<{ path: string; oldPath: string | null; deleted: boolean; binary: boolean; hunks: Hunk[] }> = []
  const strip = (p: string): string | null => (p === '/dev/null' ? null : p.replace(/\t.*$/, '').replace(/^[ab]\//, ''))
  let current: (typeof out)[number] | null = null
  for (let i = 0; i < lines.length; i++) {
    const l = lines[i] as string
    const git = /^diff --git a\/(\S+) b\/(\S+)$/.exec(l)
    if (git) {
      current = { path: git[2] as string, oldPath: git[1] as string, deleted: false, binary: false, hunks: [] }
      out.push(current)
      continue
    }
    if (l.startsWith('--- ') && (lines[i + 1] ?? '').startsWith('+++ ')) {
      const from = strip(l.slice(4))
      const to = strip((lines[i + 1] as string).slice(4))
      if (!current || current.hunks.length > 0) {
        current = { path: to ?? from ?? '', oldPath: from, deleted: to === null, binary: false, hunks: [] }
        out.push(current)
      } else {
        current.oldPath = from
        current.deleted = to === null
      }
      i++
      continue
    }
    if (current && current.hunks.length === 0 && /^(?:GIT binary patch|Binary files .* differ)$/.test(l))
      current.binary = true
    const h = /^@@ -(\d+)(?:,(\d+))? \+(\d+)(?:,(\d+))? @@/.exec(l)
    if (!h || !current) continue
    let a = Number(h[2] ?? 1)
    let b = Number(h[4] ?? 1)
    const old: string[] = []
    const neu: string[] = []
    while ((a > 0 || b > 0) && i + 1 < lines.length) {
      const x = lines[i + 1] as string
      // the signature of a mail, the next file: the hunk was cut here
      if (x.startsWith('diff --git ') || x === '-- ' || /^@@ -\d/.test(x)) break
      i++
      if (x.startsWith('+')) {
        neu.push(x.slice(1))
        b--
      } else if (x.startsWith('-')) {
        old.push(x.slice(1))
        a--
      } else if (x.startsWith('\\')) continue
      else {
        old.push(x.slice(1))
        neu.push(x.slice(1))
        a--
        b--
      }
    }
    current.hunks.push({ from: Number(h[1]), old, neu, missing: Math.max(0, a, b) })
  }
  return out
}

const CONCERNS = [
  /(^|\/)kernel\/dma\//,
  /swiotlb/,
  /(^|[/_.-])tsm([/_.-]|$)/,
  /(^|[/_.-])coco([/_.-]|$)/,
  /(^|\/)include\/linux\/dma-[\w-]+\.h$/,
  /(^|\/)mm\/mem_encrypt\.c$/
]
/**
 * Whether DMA, swiotlb, TSM or confidential computing code is touched: what the C that is compiled here, or the model
 * around it, stands for.
 */
export const concerns = (path: string): boolean => CONCERNS.some((c) => c.test(path))

/** Paths that a mail or diff touches. */
export const touched = (mail: string): string[] => [
  ...new Set(parseDiff(mailBody(mail)).flatMap((f) => [f.path, ...(f.oldPath === null ? [] : [f.oldPath])]))
]

function place(lines: readonly string[], want: readonly string[], near: number): number {
  const at = (i: number): boolean =>
    i >= 0 && i + want.length <= lines.length && want.every((w, k) => lines[i + k] === w)
  for (let d = 0; d <= lines.length; d++) {
    if (at(near + d)) return near + d
    if (d > 0 && at(near - d)) return near - d
  }
  return -1
}

/** Whether a patched tree reads, in all that the patch touches, as the tree did: the patch was there already. */
export const alreadyThere = (before: Tree, after: Tree, mail: string): boolean =>
  touched(mail).every((p) => before.read(p) === after.read(p))

/** The tree with a patch on it, in memory. A patch that is there already changes nothing. Errors: TB-611. */
export function applyPatch(tree: Tree, mail: string): Result<Tree, Diagnostic> {
  const changed = new Map<string, string | null>()
  for (const f of parseDiff(mailBody(mail))) {
    const outside = [f.path, f.oldPath].find((p) => p !== null && leavesTree(p))
    if (outside)
      return err(
        complain('TB-611', tree.name, `the patch names ${outside}, which is outside of the tree`, {
          word: outside,
          hint: 'nothing of the patch is used'
        })
      )
    if (f.binary && compiledFrom(f.path))
      return err(
        complain('TB-611', f.path, 'the patch has this file in binary form', {
          word: f.path,
          hint: 'git diff --text gives it as text'
        })
      )
    if (!concerns(f.path) && tree.read(f.oldPath ?? f.path) === null && f.oldPath !== null) continue
    if (f.oldPath === null) {
      changed.set(
        f.path,
        f.hunks
          .flatMap((h) => h.neu)
          .join('\n')
          .concat('\n')
      )
      continue
    }
    const before = changed.has(f.oldPath) ? (changed.get(f.oldPath) ?? null) : tree.read(f.oldPath)
    // what the tree does not have (a partial checkout) cannot matter to what is compiled from it
    if (before === null) {
      if (concerns(f.oldPath))
        return err(
          complain('TB-611', `${tree.name}/${f.oldPath}`, 'the patch changes a file that this tree does not have', {
            word: f.oldPath,
            hint: 'give the tree that the patch was made for'
          })
        )
      continue
    }
    const lines = before.split('\n')
    let shift = 0
    for (const h of f.hunks) {
      if (h.missing > 0)
        return err(
          complain(
            'TB-611',
            f.path,
            `the patch is cut: its hunk at ${h.from} lacks ${h.missing} of the lines that it announces`,
            { line: h.from, column: 1, hint: 'take the whole mail' }
          )
        )
      const near = h.from - 1 + shift
      const i = place(lines, h.old, near)
      if (i < 0) {
        if (place(lines, h.neu, near) >= 0) continue
        return err(
          complain(
            'TB-611',
            `${tree.name}/${f.path}`,
            `the patch does not apply: the lines of its hunk at ${h.from} are not there`,
            {
              line: h.from,
              column: 1,
              word: h.old.find((l) => l.trim() !== '')?.trim() ?? '',
              hint: 'give the tree that the patch was made for'
            }
          )
        )
      }
      lines.splice(i, h.old.length, ...h.neu)
      shift += h.neu.length - h.old.length
    }
    if (f.oldPath !== f.path) changed.set(f.oldPath, null)
    changed.set(f.path, f.deleted ? null : lines.join('\n'))
  }
  return ok({ ...tree, read: (p) => (changed.has(p) ? (changed.get(p) ?? null) : tree.read(p)) })
}

/** The mails of a mailbox; a text without separators is one mail. */
export function mailsOf(text: string): string[] {
  const lines = text.replace(/\r\n/g, '\n').split('\n')
  const starts = lines.flatMap((l, i) =>
    /^From \S+.*\d{4}\s*$/.test(l) && (i === 0 || lines[i - 1] === '') && /^[A-Za-z-]+:/.test(lines[i + 1] ?? '')
      ? [i]
      : []
  )
  if (starts.length === 0) return text.trim() === '' ? [] : [text]
  return starts.map((s, n) => lines.slice(s, starts[n + 1] ?? lines.length).join('\n'))
}

const encodedWord = (_: string, charset: string, how: string, text: string): string => {
  const bytes =
    how.toLowerCase() === 'b'
      ? Buffer.from(text, 'base64')
      : Buffer.from(
          text
            .replace(/_/g, ' ')
            .replace(/=([0-9A-F]{2})/gi, (__, h: string) => String.fromCharCode(Number.parseInt(h, 16))),
          'latin1'
        )
  return bytes.toString(/^utf-?8$/i.test(charset) ? 'utf8' : 'latin1')
}

/** A mail's subject on one line, and its place in a series (`[PATCH v2 3/7]`); null when it has no place. */
export function subjectOf(mail: string): {
  readonly text: string
  readonly number: number | null
  readonly total: number | null
} {
  const head = mail.slice(0, Math.max(0, mail.search(/\r?\n\r?\n/)))
  const raw = /^subject:[ \t]*(.*(?:\r?\n[ \t]+.*)*)/im.exec(head)?.[1] ?? ''
  const text = raw
    .replace(/\?=\s+=\?/g, '?==?')
    .replace(/=\?([\w-]+)\?([bq])\?([^?]*)\?=/gi, encodedWord)
    .replace(/\s+/g, ' ')
    .trim()
  const place = /^\[[^\]]*?\b(\d+)\/(\d+)\]/.exec(text)
  return {
    text: text.replace(/^(?:\[[^\]]*\]\s*)+/, '') || 'a patch without a subject',
    number: place ? Number(place[1]) : null,
    total: place ? Number(place[2]) : null
  }
}
