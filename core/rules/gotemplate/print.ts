// Go's fmt: print, println and printf over template values. What a verb cannot show is told in place (`%!d(string=x)`), as Go does, so that a
// slip in a form never costs a message.

import { tooMuch } from './budget.ts'
import { FormReader } from './directive.ts'
import { type Flags, formatBool, formatFloat, formatInt, formatText, noFlags, pad } from './format.ts'
import {
  entryOf,
  intOf,
  isList,
  isMap,
  isNamed,
  isStruct,
  keysOf,
  kindOf,
  methodOf,
  pointedTo,
  typeOf,
  type Value,
  wrap,
} from './value.ts'

/** How a value stands in the output of an action. */
export function printed(value: Value): Value {
  if (value === undefined || value === null) return '<no value>'
  return isStruct(value) && methodOf(value, 'String') === undefined ? pointedTo(value) : value
}

export function sprint(args: readonly Value[], limit: number): string {
  const printer = new Printer(limit)
  args.forEach((arg, index) => {
    if (index > 0 && typeof arg !== 'string' && typeof args[index - 1] !== 'string') printer.write(' ')
    printer.argument(arg, 'v', noFlags)
  })
  return printer.text
}

export function sprintln(args: readonly Value[], limit: number): string {
  const printer = new Printer(limit)
  args.forEach((arg, index) => {
    if (index > 0) printer.write(' ')
    printer.argument(arg, 'v', noFlags)
  })
  printer.write('\n')
  return printer.text
}

export function sprintf(form: string, args: readonly Value[], limit: number): string {
  const printer = new Printer(limit)
  printer.form(form, args)
  return printer.text
}

const deepest = 100

class Printer {
  text = ''
  private readonly limit: number
  /** Inside `%!d(…)`, where a value shows itself without its methods. */
  private erring = false

  constructor(limit: number) {
    this.limit = limit
  }

  write(text: string): void {
    this.text += text
    if (this.text.length > this.limit) throw tooMuch(`more than ${this.limit} characters in one value`)
  }

  form(form: string, args: readonly Value[]): void {
    const reader = new FormReader(form, args)
    for (let at = 0; at < form.length; ) {
      const percent = form.indexOf('%', at)
      this.write(form.slice(at, percent < 0 ? form.length : percent))
      if (percent < 0) break
      const { before, verb, flags, badIndex } = reader.directive(percent + 1)
      at = reader.at
      this.write(before)
      if (verb === undefined) {
        this.write('%!(NOVERB)')
        break
      }
      if (verb === '%') this.write('%')
      else if (badIndex) this.write(`%!${verb}(BADINDEX)`)
      else if (reader.next >= args.length) this.write(`%!${verb}(MISSING)`)
      else this.argument(args[reader.next++], verb, flags)
    }
    if (reader.reordered || reader.next >= args.length) return
    this.write('%!(EXTRA ')
    args.slice(reader.next).forEach((arg, index) => {
      if (index > 0) this.write(', ')
      if (arg === null || arg === undefined) this.write('<nil>')
      else {
        this.write(`${typeOf(arg)}=`)
        this.argument(arg, 'v', noFlags)
      }
    })
    this.write(')')
  }

  argument(value: Value, verb: string, flags: Flags): void {
    if (value === undefined || value === null) {
      if (verb === 'T' || verb === 'v') this.write(pad('<nil>', flags))
      else this.bad(value, verb, flags)
    } else if (verb === 'T') this.write(formatText(typeOf(value), 's', flags)!)
    else if (verb === 'p') this.bad(value, verb, flags)
    else this.value(value, verb, flags, 0)
  }

  private value(value: Value, verb: string, flags: Flags, depth: number): void {
    if (depth > deepest) throw tooMuch(`values nested more than ${deepest} deep`)
    if (verb === 'w') return this.bad(value, verb, flags)
    const own = this.erring || flags.sharpV || !'vsxXq'.includes(verb) ? undefined : methodOf(value, 'String')
    if (own !== undefined) {
      this.scalar(
        value,
        verb,
        flags,
        formatText(own.call(value as never, [], undefined as never) as string, verb, flags),
      )
      return
    }
    switch (kindOf(value)) {
      case 'invalid':
      case 'nil':
        return this.write(flags.sharpV ? 'interface {}(nil)' : '<nil>')
      case 'bool':
        return this.scalar(value, verb, flags, formatBool(value as boolean, verb, flags))
      case 'int':
        return this.scalar(value, verb, flags, formatInt(intOf(value as bigint), verb, flags))
      case 'float':
        return this.scalar(value, verb, flags, formatFloat(value as number, verb, flags))
      case 'string':
        return this.scalar(value, verb, flags, formatText(value as string, verb, flags))
      case 'function':
        return this.bad(value, verb, flags)
      default:
        this.composite(value, verb, flags, depth)
    }
  }

  private composite(value: Value, verb: string, flags: Flags, depth: number): void {
    const [open, close] = flags.sharpV ? ['{', '}'] : ['[', ']']
    const between = flags.sharpV ? ', ' : ' '
    if (isList(value)) {
      this.write(`${flags.sharpV ? value.type : ''}${open}`)
      value.items.forEach((item, index) => {
        if (index > 0) this.write(between)
        this.value(wrap(item), verb, flags, depth + 1)
      })
      this.write(close!)
    } else if (isMap(value)) {
      this.write(`${flags.sharpV ? value.type : 'map'}${open}`)
      keysOf(value).forEach((key, index) => {
        if (index > 0) this.write(between)
        this.value(key, verb, flags, depth + 1)
        this.write(':')
        this.value(entryOf(value, key), verb, flags, depth + 1)
      })
      this.write(close!)
    } else if (isStruct(value)) {
      const pointer = value.type.startsWith('*')
      this.write(`${pointer ? '&' : ''}${flags.sharpV ? pointedTo(value).type : ''}{`)
      Object.keys(value.fields).forEach((name, index) => {
        if (index > 0) this.write(between)
        if (flags.plusV || flags.sharpV) this.write(`${name}:`)
        this.value(wrap(value.fields[name]), verb, flags, depth + 1)
      })
      this.write('}')
    }
  }

  private scalar(value: Value, verb: string, flags: Flags, text: string | undefined): void {
    if (text === undefined) this.bad(value, verb, flags)
    else this.write(text)
  }

  private bad(value: Value, verb: string, flags: Flags): void {
    if (value === undefined || value === null) return this.write(`%!${verb}(<nil>)`)
    const erring = this.erring
    this.erring = true
    this.write(`%!${verb}(${typeOf(value)}=`)
    if (isNamed(value) || verb !== 'v') this.value(value, 'v', flags, 0)
    this.write(')')
    this.erring = erring
  }
}
