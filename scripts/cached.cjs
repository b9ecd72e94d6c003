// Runs a script with V8's code cache: what an earlier run of the same verb compiled is not compiled again. The cache
// lies beside the script, whose name says its content; V8 refuses one of another version or other flags, and then it is
// made anew.
'use strict'
const { readFileSync, renameSync, rmSync, writeFileSync } = require('node:fs')
const { dirname } = require('node:path')
const vm = require('node:vm')
const zlib = require('node:zlib')

// An exit code after which nothing is kept: the word may be no verb.
const WRONG_USE = 2

// A function that came out of a cache has lost its loader in Node 20 ("A dynamic import callback was not specified").
// What is a module of its own (binaryen) is imported by this file, for src/kernel-build/late-import.ts.
globalThis[Symbol.for('tbit.import')] = (name) => import(name)

const CACHE = /\.([a-z-]+)\.v8$/

/** The script that a cache belongs to, by their names; the name itself for all other files. */
const caches = (file) => file.replace(CACHE, '')

// Verbs whose second word says what is done: what one does another has not compiled.
const OF_TWO_WORDS = ['kernel', 'conform']
const isWord = (word) => /^[a-z]+$/.test(word ?? '')

/** The part of the script that a command line runs, by its words. */
function partOf([verb, second]) {
  if (!isWord(verb)) return 'other'
  return OF_TWO_WORDS.includes(verb) && isWord(second) ? `${verb}-${second}` : verb
}

/**
 * Runs `file` (CommonJS) in this process. `part`: what of it is run, words in small letters, which has a cache of its
 * own.
 */
function run(file, part) {
  const path = `${file}.${part}.v8`
  const cachedData = kept(path)
  // The bundler writes ASCII.
  const source = `(function (exports, require, module, __filename, __dirname) {${readFileSync(file, 'latin1')}\n})`
  const script = new vm.Script(source, { filename: file, cachedData })
  if (zlib.crc32 && (cachedData === undefined || script.cachedDataRejected))
    process.once('exit', (code) => {
      if (code !== WRONG_USE) keep(script, path)
    })
  const module = { exports: {} }
  script.runInThisContext()(module.exports, require, module, file, dirname(file))
}

// V8 believes every byte of a cache, and dies of a wrong one: the last four are a check of the others.
function kept(path) {
  try {
    const bytes = readFileSync(path)
    const data = bytes.subarray(0, -4)
    return zlib.crc32?.(data) === bytes.readUInt32LE(data.length) ? data : undefined
  } catch {
    // The first run, or half a file.
    return undefined
  }
}

// At the end, so that functions are in it that were compiled when they were first called. Beside, then renamed: nobody
// reads half a cache.
function keep(script, path) {
  const beside = `${path}.part-${process.pid}`
  try {
    const data = script.createCachedData()
    const check = Buffer.alloc(4)
    check.writeUInt32LE(zlib.crc32(data))
    writeFileSync(beside, Buffer.concat([data, check]))
    renameSync(beside, path)
  } catch {
    // A directory that cannot be written, a full disk: the next start compiles again.
    rmSync(beside, { force: true })
  }
}

module.exports = { caches, partOf, run }
