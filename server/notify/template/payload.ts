// `payload` of a webhook: any shape of YAML whose texts, keys included, are templates. A text that is JSON once it is rendered stands as what it
// is, so that `{{ toJson .Alerts }}` is a list and `{{ len .Alerts }}` a number. What a text became is not read as a template again.

import { z } from 'zod'
import type { Notification } from '../../dispatch/notification.ts'
import { byteLength } from '../render/bytes.ts'
import type { Sources } from './field.ts'
import { faultOf } from './template-set.ts'
import type { TemplateText } from './template-text.ts'

const maxTexts = 1000
const maxBodyBytes = 8 << 20

type Json = string | number | boolean | null | readonly Json[] | { readonly [key: string]: Json }
type Part =
  | { readonly kind: 'text'; readonly template: TemplateText }
  | { readonly kind: 'list'; readonly items: readonly Part[] }
  | { readonly kind: 'map'; readonly entries: readonly (readonly [TemplateText, Part])[] }
  | { readonly kind: 'plain'; readonly value: number | boolean | null }
export type Payload = {
  /** The body, or what went wrong. */
  render(
    notification: Notification,
  ): { readonly body: string; readonly fault: null } | { readonly body: null; readonly fault: string }
}

/** Depth is bounded by the reader of the file. */
export const payloadKey = (sources: Sources) =>
  z
    .unknown()
    .optional()
    .transform((raw, context): Payload | null => {
      if (raw === undefined || raw === null) return null
      let texts = 0
      const compile = (text: string, path: readonly PropertyKey[]): TemplateText => {
        if (++texts === maxTexts + 1) context.addIssue({ code: 'custom', message: `more than ${maxTexts} texts` })
        try {
          return sources.templates.compile(text, 'text')
        } catch (error) {
          context.addIssue({ code: 'custom', path: [...path], message: faultOf(error) })
          return { render: () => ({ text: '', fault: null }) }
        }
      }
      const read = (value: unknown, path: readonly PropertyKey[]): Part => {
        if (typeof value === 'string') return { kind: 'text', template: compile(value, path) }
        if (Array.isArray(value))
          return { kind: 'list', items: value.map((item, index) => read(item, [...path, index])) }
        if (typeof value === 'object' && value !== null)
          return {
            kind: 'map',
            entries: Object.entries(value).map(([key, item]) => [
              compile(key, [...path, key]),
              read(item, [...path, key]),
            ]),
          }
        return { kind: 'plain', value: typeof value === 'number' || typeof value === 'boolean' ? value : null }
      }
      const root = read(raw, [])
      return { render: (notification) => bodyOf(root, notification) }
    })

class Fault extends Error {}

function bodyOf(root: Part, notification: Notification): ReturnType<Payload['render']> {
  const text = (template: TemplateText): string => {
    const rendered = template.render(notification)
    if (rendered.fault !== null) throw new Fault(rendered.fault)
    return rendered.text
  }
  const write = (part: Part): Json => {
    switch (part.kind) {
      case 'text':
        return asJson(text(part.template))
      case 'list':
        return part.items.map(write)
      case 'map':
        return Object.fromEntries(part.entries.map(([key, value]) => [text(key), write(value)]))
      case 'plain':
        return part.value
    }
  }
  try {
    const body = JSON.stringify(write(root))
    if (byteLength(body) > maxBodyBytes) throw new Fault(`a body of more than ${maxBodyBytes} bytes`)
    return { body, fault: null }
  } catch (error) {
    if (!(error instanceof Fault)) throw error
    return { body: null, fault: `payload: ${error.message}` }
  }
}

/** Lists, maps, numbers and truths; what only looks like one stays a text. */
function asJson(text: string): Json {
  if (!/^\s*(?:[[{].*[\]}]|-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?|true|false|null)\s*$/s.test(text)) return text
  try {
    return JSON.parse(text) as Json
  } catch {
    return text // no JSON after all
  }
}
