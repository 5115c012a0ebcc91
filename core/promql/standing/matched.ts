// Operators between two vectors: rows find each other by numbers, worked out once over the rows of both sides. What the full evaluator refuses
// (many matches where one is meant, results that fall together) is left to it, message and all.

import type { Labels } from '../../series/seam.ts'
import { calculate, compare } from '../arithmetic.ts'
import { type Binary, comparisonOperators } from '../ast.ts'
import { resultLabels } from '../binary.ts'
import { metricName } from '../vector.ts'
import { distinct, gather, joined, numberRows } from './numbering.ts'
import { type Moment, noColumn, Rows } from './rows.ts'

/** Numbers of the rows of both sides by the labels that match them: first all of the left, then all of the right. */
export function matchNumbers(node: Binary, left: Rows, right: Rows): { ids: Int32Array; count: number } {
  const { on, labels } = node.matching!
  const all = new Set([...left.names(), ...right.names()])
  const names = [...all].filter((name) => (on ? labels.includes(name) : name !== metricName && !labels.includes(name)))
  return numberRows(
    names.map((name) => joined(left.column(name), right.column(name))),
    left.size + right.size,
  )
}

/** Numbered as the side that may have many. */
export class MatchedRows extends Rows {
  private readonly node: Binary
  private readonly left: Rows
  private readonly right: Rows
  private readonly many: Rows
  private readonly one: Rows
  private readonly swap: boolean
  private readonly filters: boolean
  private builtLeft = -1
  private builtRight = -1
  private manyIds = new Int32Array(0)
  protected oneIds = new Int32Array(0)
  protected partners = new Int32Array(0)
  private heads = new Int32Array(0)
  protected tails = new Int32Array(0)
  protected next = new Int32Array(0)
  /** The row of the one side that each row met last. */
  private met = new Int32Array(0)
  private mixed = false

  constructor(node: Binary, left: Rows, right: Rows) {
    super()
    this.node = node
    this.left = left
    this.right = right
    this.swap = node.matching!.card === 'one-to-many'
    this.many = this.swap ? right : left
    this.one = this.swap ? left : right
    this.filters = comparisonOperators.has(node.op) && !node.bool
  }

  private rebuild(): void {
    const { left, right, many, swap, node } = this
    if (left.version === this.builtLeft && right.version === this.builtRight) return
    this.builtLeft = left.version
    this.builtRight = right.version
    this.renew(many.size)
    const { ids, count } = matchNumbers(node, left, right)
    const sides = [ids.subarray(0, left.size), ids.subarray(left.size)] as Int32Array<ArrayBuffer>[]
    this.manyIds = sides[swap ? 1 : 0]!
    this.oneIds = sides[swap ? 0 : 1]!
    this.partners = new Int32Array(count)
    this.heads = new Int32Array(count)
    this.tails = new Int32Array(count)
    this.next = new Int32Array(many.size)
    this.met = new Int32Array(many.size).fill(-1)
    this.mixed = this.fallsTogether()
  }

  /** Could two rows give the same labels? */
  private fallsTogether(): boolean {
    const { many, one, node } = this
    for (const name of ['__type__', '__unit__']) if (many.names().has(name) || one.names().has(name)) return true
    const { card, include } = node.matching!
    if (card === 'one-to-one') return false
    const names = [...many.names()].filter((name) => !include.includes(name) && (name !== metricName || this.filters))
    return !distinct(
      names.map((name) => many.column(name)),
      many.size,
    )
  }

  protected work(moment: Moment): boolean {
    if (!this.left.run(moment) || !this.right.run(moment)) return false
    this.rebuild()
    if (this.mixed) return false
    const { many, one, partners, oneIds } = this
    partners.fill(-1)
    for (let i = 0; i < one.count; i++) {
      const row = one.live[i]!
      const id = oneIds[row]!
      if (partners[id] !== -1) return false
      partners[id] = row
    }
    this.count = 0
    if (this.node.matching!.card === 'one-to-one') {
      this.heads.fill(0)
      for (let i = 0; i < many.count; i++) {
        const row = many.live[i]!
        const id = this.manyIds[row]!
        if (partners[id] === -1) continue
        if (this.heads[id]!++ > 0) return false
        this.pair(row, partners[id]!)
      }
      return true
    }
    this.grouped()
    return true
  }

  /** Rows that match alike come together, as the full evaluator has them. */
  private grouped(): void {
    const { many, partners, manyIds, heads, tails, next } = this
    heads.fill(-1)
    const order: number[] = []
    for (let i = 0; i < many.count; i++) {
      const row = many.live[i]!
      const id = manyIds[row]!
      if (partners[id] === -1) continue
      if (heads[id] === -1) {
        heads[id] = row
        order.push(id)
      } else next[tails[id]!] = row
      tails[id] = row
      next[row] = -1
    }
    const before = this.node.matching!.include.length > 0 ? this.met.slice() : null
    for (const id of order) for (let row = heads[id]!; row !== -1; row = next[row]!) this.pair(row, partners[id]!)
    // Labels came from another partner: whoever numbered by them has to do it again.
    if (before?.some((row, index) => row !== this.met[index])) this.version++
  }

  private pair(row: number, partner: number): void {
    const { many, one, swap, node, values, live } = this
    const [a, b] = [many.values[row]!, one.values[partner]!]
    const [x, y] = swap ? [b, a] : [a, b]
    this.met[row] = partner
    if (this.filters) {
      if (!compare(node.op, x, y)) return
      values[row] = x
    } else values[row] = calculate(node.op, x, y)
    live[this.count++] = row
  }

  labels(row: number): Labels {
    const partner = this.met[row]!
    const one = this.node.matching!.include.length > 0 && partner >= 0 ? this.one.labels(partner) : []
    return resultLabels(this.node, this.many.labels(row), one, false)
  }
  private keeps(name: string): boolean {
    const { card, on, labels } = this.node.matching!
    if (name === metricName && !this.filters) return false
    return card !== 'one-to-one' || labels.includes(name) === on
  }
  names(): ReadonlySet<string> {
    const { include } = this.node.matching!
    return new Set([...this.many.names()].filter((name) => this.keeps(name)).concat(include))
  }
  column(name: string): Int32Array {
    if (this.node.matching!.include.includes(name)) return gather(this.one.column(name), this.met)
    return this.keeps(name) ? this.many.column(name) : noColumn(this.size)
  }
}
