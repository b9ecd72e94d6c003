// `tbit ui`: the pages and the playground, served from this machine to this machine.
import { existsSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { Command } from 'commander'
import { type Diagnostic, formatDiagnostic } from '../base/index.ts'
import { encodeShare, LONGEST_SHARED } from '../base/share.ts'
import { aboutFile, cannotRead } from './file-access.ts'
import { litmusFiles, packageRoot, readLitmus, shownName } from './files.ts'
import { interruptible } from './interrupt.ts'
import type { Io } from './io.ts'
import { numberOption, usage } from './names.ts'
import { serve, servedFiles } from './web-server.ts'

interface Options {
  readonly port?: string
  readonly site?: string
}

const VERB = 'tbit ui'

/** Where `npm run build:web` writes the pages. The package comes without: they are three times its size. */
const siteFolder = (): string => join(packageRoot(), 'dist-web')

/** The page to open: the first screen, or the playground with a test. */
async function pageFor(file: string | undefined): Promise<string | Diagnostic> {
  if (file === undefined) return ''
  const {
    files: [path, ...more],
    errors: [unread]
  } = litmusFiles([file])
  if (unread !== undefined) return unread
  if (path === undefined || more.length > 0) return aboutFile(file, 'is a directory: the playground opens one test')
  const read = readLitmus(path)
  if ('code' in read) return read
  if (new TextEncoder().encode(read.text).length > LONGEST_SHARED)
    return aboutFile(
      shownName(file),
      `is too large for the page: it takes ${LONGEST_SHARED >> 10} KiB`,
      'tbit check reads it'
    )
  return `playground.html#${await encodeShare({ values: {}, text: read.text })}`
}

async function ui(io: Io, file: string | undefined, o: Options): Promise<void> {
  const errors: Diagnostic[] = []
  const port = o.port === undefined ? 0 : numberOption('--port', o.port, 1, 65535, VERB, errors)
  const page = await pageFor(file)
  if (typeof page !== 'string') errors.push(page)
  const folder = o.site === undefined ? siteFolder() : resolve(o.site)
  let files = new Map<string, string>()
  if (!existsSync(join(folder, 'playground.html')))
    errors.push(
      aboutFile(
        o.site ?? 'dist-web',
        'has no pages',
        'npm run build:web in a checkout writes them, in one or two minutes; --site DIR names another folder'
      )
    )
  else {
    try {
      files = servedFiles(folder)
    } catch (e) {
      errors.push(cannotRead(folder, e))
    }
  }
  if (errors.length > 0 || port === null || typeof page !== 'string') {
    for (const d of errors) io.err(`${formatDiagnostic(d)}\n`)
    return io.exit(2)
  }
  const stop = interruptible()
  try {
    const { server, port: got } = await serve(files, port)
    io.out(`http://127.0.0.1:${got}/${page}\n`)
    io.err('tbit: serving this machine only; ^C stops\n')
    await new Promise<void>((done) => {
      stop.signal.addEventListener('abort', () => {
        server.close(() => done())
        server.closeAllConnections()
      })
    })
    io.exit(0)
  } catch (e) {
    const { code } = e as NodeJS.ErrnoException
    io.err(
      formatDiagnostic({
        ...usage(
          VERB,
          o.port ?? '',
          code === 'EADDRINUSE' ? `port ${o.port} is in use` : `cannot listen: ${code ?? String(e)}`
        ),
        hint: 'without --port a free one is taken'
      }) + '\n'
    )
    io.exit(2)
  } finally {
    stop.done()
  }
}

export function uiVerb(io: Io): Command {
  return new Command('ui')
    .description(
      'Serves the pages, the player and the playground to a browser on this machine, and prints their address. ' +
        'Nothing leaves the machine: a test is in the part of the address that no server sees.'
    )
    .argument(
      '[file]',
      'a litmus test to open in the playground, a test of the library by name, or - for standard input'
    )
    .option('--port <n>', 'the port of 127.0.0.1 (default: one that is free)')
    .option('--site <dir>', 'the folder that npm run build:web has written (default: dist-web of this checkout)')
    .addHelpText(
      'after',
      `
^C stops it. Exit code: 0 when it was stopped, 2 when it could not be started.

Example:
  tbit ui litmus/races/alloc-while-accepted.litmus
`
    )
    .action((file: string | undefined, o: Options) => ui(io, file, o))
}
