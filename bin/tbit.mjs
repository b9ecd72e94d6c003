#!/usr/bin/env -S node --stack-size=4000
// The command of the installed package; a checkout has ./tbit, which builds first.
import '../pkg/main.mjs'
