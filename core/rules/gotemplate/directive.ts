// What stands between `%` and its verb in a form of printf: flags, width, precision, and which argument is meant.

import type { Flags } from './format.ts'
import { intOf, kindOf, type Value } from './value.ts'

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
export class FormReader {
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
