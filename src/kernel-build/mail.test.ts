import { expect, test } from 'vitest'
import { alreadyThere, applyPatch, concerns, mailBody, mailsOf, parseDiff, subjectOf, touched } from './mail.ts'
import type { Tree } from './tree.ts'

const diff = `diff --git a/kernel/dma/one.c b/kernel/dma/one.c
index 1..2 100644
--- a/kernel/dma/one.c
+++ b/kernel/dma/one.c
@@ -2,3 +2,4 @@ context
 two
-three
+drei
+dreieinhalb
 four
@@ -8,2 +9,1 @@
-eight
 nine
diff --git a/include/linux/new.h b/include/linux/new.h
new file mode 100644
--- /dev/null
+++ b/include/linux/new.h
@@ -0,0 +1,2 @@
+#define A 1
+#define B 2
--
2.40
`
const mail =
  'From: A <a@example.org>\nSubject: [PATCH] x\nContent-Type: text/plain\n\n' + `Words.\n---\n one.c | 2 +-\n\n${diff}`
const one = 'one\ntwo\nthree\nfour\nfive\nsix\nseven\neight\nnine\n'
const treeOf = (files: Record<string, string>): Tree => ({
  name: 't',
  dir: 't',
  version: '6.12.0',
  major: 6,
  minor: 12,
  read: (p) => files[p] ?? null
})

test('which files a mail touches, however it is encoded', () => {
  expect(touched(mail)).toEqual(['kernel/dma/one.c', 'include/linux/new.h'])
  expect(touched('From: a\nSubject: b\n\nno patch here\n')).toEqual([])
  expect(touched('')).toEqual([])
  const body = mail.slice(mail.indexOf('\n\n') + 2)
  const head = 'From: A <a@example.org>\nSubject: x\n'
  expect(
    touched(
      `${head}Content-Transfer-Encoding: base64\n\n${Buffer.from(body)
        .toString('base64')
        .replace(/(.{76})/g, '$1\n')}`
    )
  ).toEqual(touched(mail))
  expect(
    touched(
      `${head}Content-Transfer-Encoding: quoted-printable\n\n` +
        `${body.replace(/=/g, '=3D').replace('Words.', 'W=C3=B6r=\nter.')}`
    )
  ).toEqual(touched(mail))
  expect(mailBody(`${head}Content-Transfer-Encoding: quoted-printable\n\nW=C3=B6r=\nter.`)).toBe('Wörter.')
})

test('what concerns us', () => {
  for (const p of [
    'kernel/dma/direct.c',
    'include/linux/swiotlb.h',
    'drivers/pci/tsm.c',
    'include/linux/pci-tsm.h',
    'drivers/virt/coco/arm-cca-guest/rsi.c',
    'arch/x86/coco/core.c',
    'include/linux/dma-mapping.h',
    'arch/arm64/mm/mem_encrypt.c',
    'drivers/xen/swiotlb-xen.c'
  ])
    expect(concerns(p), p).toBe(true)
  for (const p of [
    'drivers/net/tun.c',
    'fs/ext4/inode.c',
    'drivers/dma/idma.c',
    'include/linux/dmaengine.h',
    'Documentation/admin-guide/cocoa.rst',
    'mm/slub.c'
  ])
    expect(concerns(p), p).toBe(false)
})

test(
  'a patch goes onto a tree in memory, also where lines have moved; one that is ' + 'there already changes nothing',
  () => {
    const after = 'one\ntwo\ndrei\ndreieinhalb\nfour\nfive\nsix\nseven\nnine\n'
    const r = applyPatch(treeOf({ 'kernel/dma/one.c': one }), mail)
    expect(r.ok && r.value.read('kernel/dma/one.c')).toBe(after)
    expect(r.ok && r.value.read('include/linux/new.h')).toBe('#define A 1\n#define B 2\n')
    const moved = applyPatch(treeOf({ 'kernel/dma/one.c': `zero\nzero\n${one}` }), mail)
    expect(moved.ok && moved.value.read('kernel/dma/one.c')).toBe(`zero\nzero\n${after}`)
    const twice = r.ok ? applyPatch(r.value, mail) : r
    expect(twice.ok && twice.value.read('kernel/dma/one.c')).toBe(after)
    expect(applyPatch(treeOf({ 'kernel/dma/one.c': 'other\n' }), mail)).toMatchObject({
      ok: false,
      error: { code: 'TB-611', line: 2, word: 'two' }
    })
  }
)

test('hunks without counts, deleted and renamed files', () => {
  const d =
    'diff --git a/a.c b/b.c\nsimilarity index 90%\nrename from a.c\nrename to b.c\n--- a/a.c\n+++ b/b.c\n@@ -1 ' +
    '+1 @@\n-x\n+y\ndiff --git a/kernel/dma/gone.c b/kernel/dma/gone.c\n--- a/kernel/dma/gone.c\n+++ /dev/null\n' +
    '@@ -1,2 +0,0 @@\n-p\n-q\n'
  expect(parseDiff(d).map((f) => [f.oldPath, f.path, f.deleted])).toEqual([
    ['a.c', 'b.c', false],
    ['kernel/dma/gone.c', 'kernel/dma/gone.c', true]
  ])
  const r = applyPatch(treeOf({ 'a.c': 'x\n', 'kernel/dma/gone.c': 'p\nq\n' }), d)
  expect(r.ok && [r.value.read('a.c'), r.value.read('b.c'), r.value.read('kernel/dma/gone.c')]).toEqual([
    null,
    'y\n',
    null
  ])
})

test('a patch reads and writes nothing outside of the tree', () => {
  const evil = (path: string): string => `--- a/${path}\n+++ b/${path}\n@@ -1,1 +1,1 @@\n-x\n+y\n`
  const asked: string[] = []
  const tree: Tree = {
    ...treeOf({}),
    read: (p) => {
      asked.push(p)
      return 'x\n'
    }
  }
  for (const path of ['../../etc/passwd', 'kernel/dma/../../../etc/passwd', '/etc/passwd', '..']) {
    expect(applyPatch(tree, evil(path))).toMatchObject({
      ok: false,
      error: { code: 'TB-611', message: expect.stringContaining('outside of the tree') }
    })
  }
  expect(applyPatch(tree, evil('../../etc/passwd').replace(/^--- .*$/m, '--- a/kernel/dma/one.c'))).toMatchObject({
    ok: false
  })
  expect(asked).toEqual([])
})

test('a patch that is cut, or changes a file of ours that the tree has not, is a message and no success', () => {
  const tree = treeOf({ 'kernel/dma/one.c': one })
  const lines = mail.split('\n')
  // cut in the middle of its first hunk, with and without a signature behind
  const cut = lines.slice(0, lines.findIndex((l) => l.startsWith('@@')) + 3)
  for (const text of [`${cut.join('\n')}\n`, `${cut.join('\n')}\n-- \n2.40\n`])
    expect(applyPatch(tree, text)).toMatchObject({
      ok: false,
      error: { code: 'TB-611', message: /the patch is cut: its hunk at \d+ lacks \d+/ }
    })
  expect(applyPatch(treeOf({}), mail)).toMatchObject({
    ok: false,
    error: { code: 'TB-611', word: 'kernel/dma/one.c', message: /a file that this tree does not have/ }
  })
  // what is none of ours may be missing: a partial checkout will do
  expect(
    applyPatch(tree, 'diff --git a/fs/x.c b/fs/x.c\n--- a/fs/x.c\n+++ b/fs/x.c\n@@ -1 +1 @@\n-a\n+b\n')
  ).toMatchObject({ ok: true })
})

test('carriage returns of a mail change nothing; a patch that is there already is known', () => {
  const tree = treeOf({ 'kernel/dma/one.c': one })
  const r = applyPatch(tree, mail.replace(/\n/g, '\r\n'))
  const plain = applyPatch(tree, mail)
  expect(r.ok && plain.ok && r.value.read('kernel/dma/one.c') === plain.value.read('kernel/dma/one.c')).toBe(true)
  if (!plain.ok) throw new Error('the patch applies')
  expect(alreadyThere(tree, plain.value, mail)).toBe(false)
  const twice = applyPatch(plain.value, mail)
  expect(twice.ok && alreadyThere(plain.value, twice.value, mail)).toBe(true)
})

test('a mailbox is cut into mails; a subject has its place in the series, encoded or folded', () => {
  const box =
    'From 0123 Mon Sep 17 00:00:00 2001\nSubject: [PATCH v2 2/3] dma: two\n\nFrom the start of a line is no ' +
    'mail.\n\nFrom 4567 Mon Sep 17 00:00:00 2001\nSubject: =?UTF-8?q?[PATCH_v2_1/3]_dma:?=\n ' +
    '=?UTF-8?q?_=C3=BCber?=\n\nx\n'
  const mails = mailsOf(box)
  expect(mails.map(subjectOf)).toEqual([
    { text: 'dma: two', number: 2, total: 3 },
    { text: 'dma: über', number: 1, total: 3 }
  ])
  expect(mailsOf('diff --git a/a b/a\n')).toHaveLength(1)
  expect(mailsOf(' \n')).toEqual([])
})
