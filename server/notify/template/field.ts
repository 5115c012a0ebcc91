// Keys of a receiver whose value is a template, as parts of a schema: checked where they stand, so that a fault has its line.

import { z } from 'zod'
import type { SecretFiles } from '../secret-field.ts'
import { faultOf, type TemplateSet } from './template-set.ts'
import type { TemplateForm, TemplateText } from './template-text.ts'

/** What the keys of a receiver may refer to. */
export type Sources = SecretFiles & { readonly templates: TemplateSet }

/** The keys of a robot whose message the user writes: `title` and `text`. */
export const ownKeys = (sources: Sources) => ({
  title: templateKey(sources).optional(),
  text: templateKey(sources).optional(),
})

export const templateKey = (sources: Sources, form: TemplateForm = 'text') =>
  z.string().transform((text, context): TemplateText => {
    try {
      return sources.templates.compile(text, form)
    } catch (error) {
      context.addIssue({ code: 'custom', message: faultOf(error) })
      return z.NEVER
    }
  })
