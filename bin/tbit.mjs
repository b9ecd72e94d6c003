#!/usr/bin/env -S node --stack-size=4000
// The command of the installed package; a checkout has ./tbit, which builds first.
import module from 'node:module'

// From Node 22 on, what an earlier start compiled is not compiled again.
module.enableCompileCache?.()
await import('../pkg/main.mjs')
