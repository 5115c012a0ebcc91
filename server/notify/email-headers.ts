// `headers` of an e-mail receiver: names as mail knows them, values that are templates. What the program needs for threads and for telling a
// second copy from a second message is not for setting.

import { z } from 'zod'
import { type Sources, templateKey } from './template/field.ts'

const ours = ['Message-Id', 'Date', 'Mime-Version', 'Content-Type', 'Content-Transfer-Encoding']

/** `subject` → `Subject`: names are the same however they are written. */
const canonical = (name: string): string => name.toLowerCase().replace(/(^|-)[a-z]/g, (letter) => letter.toUpperCase())

export const emailHeaders = (sources: Sources) =>
  z.record(z.string(), templateKey(sources)).transform((raw, context) => {
    const headers: [string, (typeof raw)[string]][] = []
    for (const [written, template] of Object.entries(raw)) {
      const name = canonical(written)
      const fault = (message: string): void => context.addIssue({ code: 'custom', path: [written], message })
      if (!/^[!-9;-~]+$/.test(name)) fault('not the name of a header')
      else if (ours.includes(name)) fault('this header is set by the program')
      else if (headers.some(([other]) => other === name)) fault(`the header ${name} is set twice`)
      else headers.push([name, template])
    }
    return Object.fromEntries(headers)
  })
