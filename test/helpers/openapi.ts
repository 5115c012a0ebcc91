// Prometheus' and Alertmanager's own descriptions of their APIs, read where they lie: which schema an answer must fit. Absent where the conformance
// data are not there.

import { existsSync, readFileSync } from 'node:fs'
import * as path from 'node:path'
import { parse } from 'yaml'
import { faultsOf, type Schema } from './json-schema.ts'

const folder = path.resolve(import.meta.dirname, '../../../shared/conformance/openapi')
const file = path.join(folder, 'prometheus-openapi-3.1.yaml')
const alertmanagerFile = path.join(folder, 'alertmanager-openapi.yaml')

export type ApiDescription = {
  readonly paths: readonly string[]
  /** Faults of an answer; `path` as the description has it, for example `/label/{name}/values`. */
  faults(path: string, method: string, status: number, body: unknown): readonly string[]
  schema(name: string): Schema
}

export function readDescription(): ApiDescription | null {
  if (!existsSync(file)) return null
  const document = parse(readFileSync(file, 'utf8')) as {
    readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>
    readonly components: { readonly schemas: Readonly<Record<string, Schema>> }
  }
  const schema = (name: string): Schema => {
    const found = document.components.schemas[name]
    if (found === undefined) throw new Error(`the description has no schema ${name}`)
    return found
  }
  const resolve = (reference: string): Schema => schema(reference.replace('#/components/schemas/', ''))
  return {
    paths: Object.keys(document.paths),
    schema,
    faults(path, method, status, body) {
      const operation = document.paths[path]?.[method]
      if (operation === undefined) throw new Error(`the description has no ${method} ${path}`)
      const answer = operation.responses[String(status)] ?? operation.responses.default
      const described = answer?.content?.['application/json']?.schema
      if (described === undefined)
        throw new Error(`the description has no JSON for ${method} ${path}, status ${status}`)
      return faultsOf(body, described, resolve)
    },
  }
}

type Operation = {
  readonly responses: Readonly<
    Record<string, { readonly content?: Readonly<Record<string, { readonly schema: Schema }>> }>
  >
}

/** Alertmanager's is of an older version of the language: schemas stand under `definitions`, and an answer holds one or none. */
export function readAlertmanagerDescription(): ApiDescription | null {
  if (!existsSync(alertmanagerFile)) return null
  type Answer = { readonly $ref?: string; readonly schema?: Schema }
  const document = parse(readFileSync(alertmanagerFile, 'utf8')) as {
    readonly paths: Readonly<
      Record<string, Readonly<Record<string, { readonly responses: Readonly<Record<string, Answer>> }>>>
    >
    readonly definitions: Readonly<Record<string, Schema>>
    readonly responses: Readonly<Record<string, Answer>>
  }
  const schema = (name: string): Schema => {
    const found = document.definitions[name]
    if (found === undefined) throw new Error(`the description has no schema ${name}`)
    return found
  }
  return {
    paths: Object.keys(document.paths),
    schema,
    faults(path, method, status, body) {
      const given = document.paths[path]?.[method]?.responses[String(status)]
      if (given === undefined) throw new Error(`the description has no answer ${status} to ${method} ${path}`)
      const answer = given.$ref === undefined ? given : document.responses[given.$ref.replace('#/responses/', '')]
      if (answer?.schema === undefined) return body === '' ? [] : ['a body where none is foreseen']
      return faultsOf(body, answer.schema, (reference) => schema(reference.replace('#/definitions/', '')))
    },
  }
}
