// Go's fmt: print, println and printf over template values. What a verb cannot show is told in place (`%!d(string=x)`), as Go does, so that a
// slip in a form never costs a message.

import { tooMuch } from './budget.ts'
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
  return isStruct(value) ? pointedTo(value) : value
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

type Directive = {
  /** What must be written for a bad width or precision. */
  readonly before: string
  readonly verb: string | undefined
  readonly flags: Flags
  readonly badIndex: boolean
}

/** Numbers of a form beyond this are no numbers. */
const largest = 1_000_000

/** Reads what stands between `%` and its verb. */
class FormReader {
  at = 0
  next = 0
  reordered = false
  private readonly text: string
  private readonly args: readonly Value[]
  private badIndex = false

  constructor(text: string, args: readonly Value[]) {
    this.text = text
    this.args = args
  }

  directive(at: number): Directive {
    this.at = at
    this.badIndex = false
    let before = ''
    const marks = /^[#0+\- ]*/.exec(this.text.slice(at))![0]
    this.at += marks.length
    let minus = marks.includes('-')
    let zero = marks.includes('0')
    let indexed = this.index()
    let width: number | undefined
    if (this.text[this.at] === '*') {
      this.at++
      width = this.number()
      if (width === undefined) before += '%!(BADWIDTH)'
      else if (width < 0) {
        width = -width
        minus = true
        zero = false
      }
      indexed = false
    } else {
      width = this.digits()
      if (indexed && width !== undefined) this.badIndex = true
    }
    let precision: number | undefined
    if (this.text[this.at] === '.' && this.at + 1 < this.text.length) {
      this.at++
      if (indexed) this.badIndex = true
      indexed = this.index()
      if (this.text[this.at] === '*') {
        this.at++
        precision = this.number()
        if (precision !== undefined && precision < 0) precision = undefined
        if (precision === undefined) before += '%!(BADPREC)'
        indexed = false
      } else precision = this.digits() ?? 0
    }
    if (!indexed) this.index()
    const code = this.text.codePointAt(this.at)
    const verb = code === undefined ? undefined : String.fromCodePoint(code)
    this.at += verb?.length ?? 0
    const ofValue = verb === 'v' || verb === 'w'
    const [plus, sharp] = [marks.includes('+'), marks.includes('#')]
    return {
      before,
      verb,
      badIndex: this.badIndex,
      flags: {
        minus,
        plus: plus && !ofValue,
        sharp: sharp && !ofValue,
        space: marks.includes(' '),
        zero,
        plusV: plus && ofValue,
        sharpV: sharp && ofValue,
        width,
        precision,
      },
    }
  }

  /** `[2]`: which argument comes next. */
  private index(): boolean {
    if (this.text[this.at] !== '[') return false
    this.reordered = true
    const close = this.text.indexOf(']', this.at)
    const rest = this.text.length - this.at
    if (close < 0 || rest < 3) {
      this.badIndex = true
      this.at++
      return false
    }
    const inside = this.text.slice(this.at + 1, close)
    this.at = close + 1
    const number = /^\d{1,7}$/.test(inside) ? Number(inside) : 0
    if (number >= 1 && number <= this.args.length) {
      this.next = number - 1
      return true
    }
    this.badIndex = true
    return /^\d{1,7}$/.test(inside)
  }

  private digits(): number | undefined {
    const found = /^\d+/.exec(this.text.slice(this.at, this.at + 32))?.[0]
    if (found === undefined) return undefined
    if (Number(found) > largest * 10) {
      this.at = this.text.length
      return undefined
    }
    this.at += found.length
    return Number(found)
  }

  /** `*`: the next argument is the number. */
  private number(): number | undefined {
    const arg = this.args[this.next]
    if (this.next >= this.args.length) return undefined
    this.next++
    if (kindOf(arg) !== 'int') return undefined
    const value = intOf(arg as bigint)
    return value > BigInt(largest) || value < -BigInt(largest) ? undefined : Number(value)
  }
}
