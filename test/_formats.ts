// What verbs write as JSON, held against its published schema (src/report/schemas.ts).
import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js'
import { expect } from 'vitest'
import { formats, schemaOf } from '../src/report/schemas.ts'

const ajv = new Ajv2020({ strict: true, strictTypes: false, strictRequired: false })
const validators = new Map<string, ValidateFunction>()

/** The validator of a format, compiled once. */
export function validatorOf(format: string): ValidateFunction {
  const had = validators.get(format)
  if (had !== undefined) return had
  if (formats[format] === undefined) throw new Error(`no format is called ${format}`)
  const made = ajv.compile(schemaOf(format))
  validators.set(format, made)
  return made
}

/** The value that a text of this format says; one that its schema refuses fails the test. */
export function valid(format: string, json: string): unknown {
  const value: unknown = JSON.parse(json)
  const validate = validatorOf(format)
  expect(validate(value), `${format}: ${ajv.errorsText(validate.errors)}`).toBe(true)
  return value
}
