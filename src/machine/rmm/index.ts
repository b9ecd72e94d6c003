// The Realm Management Monitor as a model: granules, stage-2 tables, RMI and RSI commands, measurement. No I/O, no clock: a program
// constructs an RMM, calls commands and reads the answers.
export * from './codes.ts'
export * from './common.ts'
export * from './content.ts'
export * from './defaults.ts'
export * from './entry.ts'
export * from './geometry.ts'
export * from './granules.ts'
export * from './rim.ts'
export * from './rmi1.ts'
export * from './state.ts'
