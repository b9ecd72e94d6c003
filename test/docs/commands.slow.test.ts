// What README.md and the pages in docs/ print of commands is what the commands print (test/_transcripts.ts).
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { root, transcripts } from '../_transcripts.ts'

// docs/plan.md has its own test (test/plan-cli.test.ts).
transcripts([
  join(root, 'README.md'),
  ...readdirSync(join(root, 'docs'))
    .filter((f) => f.endsWith('.md') && f !== 'plan.md')
    .sort()
    .map((f) => join(root, 'docs', f))
])
