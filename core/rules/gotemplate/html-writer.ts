// Output as an HTML page: literal text goes through and says where we are, values are escaped for that place.

import { fault } from './function.ts'
import { follow, inValueOf, type Place, plainText } from './html-place.ts'
import { escapeFor, type Trust } from './html-value.ts'
import { printed, sprint } from './print.ts'
import { isStruct, methodOf, struct, type Value } from './value.ts'

export class HtmlWriter {
  private place: Place = plainText

  literal(text: string): string {
    const { place, written } = follow(this.place, text)
    this.place = place
    return written
  }

  /** Throws a fault inside of scripts. */
  value(value: Value, limit: number): string {
    const { place } = this
    if (place.at === 'before value') this.place = inValueOf(place, '')
    else if (place.at === 'tag' || place.at === 'after name') this.place = { ...place, at: 'attribute name', name: '' }
    const text = value === undefined || value === null ? '' : sprint([printed(value)], limit)
    return escapeFor(this.place, text, trustOf(value))
  }

  /** Throws a fault when the page ends in the middle of something. */
  end(): void {
    if (this.place.at === 'text') return
    const where =
      this.place.at === 'raw' ? `<${this.place.element}>` : this.place.at === 'comment' ? 'a comment' : 'a tag'
    throw fault(`the page ends inside of ${where}`)
  }
}

const htmlType = 'template.HTML'
const urlType = 'template.URL'

/** A text that its template's author vouches for. */
export const trusted = (trust: 'html' | 'url', text: string): Value =>
  struct(trust === 'html' ? htmlType : urlType, {}, { String: { parameters: [], variadic: false, call: () => text } })

const trustOf = (value: Value): Trust => {
  if (!isStruct(value) || methodOf(value, 'String') === undefined) return 'none'
  return value.type === htmlType ? 'html' : value.type === urlType ? 'url' : 'none'
}
