export * from './ast.ts'
export * from './config.ts'
export * from './expect.ts'
export * as vocabulary from './vocabulary.ts'
