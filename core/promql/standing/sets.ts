// and, unless, or: rows of one side as the other has or lacks a row that matches.

import type { Labels } from '../../series/seam.ts'
import type { Binary } from '../ast.ts'
import { matchNumbers } from './matched.ts'
import { joined } from './numbering.ts'
import { type Moment, Rows } from './rows.ts'

abstract class SetRows extends Rows {
  protected readonly left: Rows
  protected readonly right: Rows
  protected readonly node: Binary
  protected leftIds = new Int32Array(0)
  protected rightIds = new Int32Array(0)
  protected seen = new Uint8Array(0)
  private builtLeft = -1
  private builtRight = -1

  constructor(node: Binary, left: Rows, right: Rows) {
    super()
    this.node = node
    this.left = left
    this.right = right
  }

  protected prepare(moment: Moment): boolean {
    const { left, right } = this
    if (!left.run(moment) || !right.run(moment)) return false
    if (left.version !== this.builtLeft || right.version !== this.builtRight) {
      this.builtLeft = left.version
      this.builtRight = right.version
      const { ids, count } = matchNumbers(this.node, left, right)
      this.leftIds = ids.subarray(0, left.size) as Int32Array<ArrayBuffer>
      this.rightIds = ids.subarray(left.size) as Int32Array<ArrayBuffer>
      this.seen = new Uint8Array(count)
      this.renew(this.rowCount())
    }
    this.seen.fill(0)
    this.count = 0
    return true
  }

  protected abstract rowCount(): number
}

/** `and`, `unless`: numbered as the left side. */
export class KeptRows extends SetRows {
  protected rowCount(): number {
    return this.left.size
  }

  protected work(moment: Moment): boolean {
    if (!this.prepare(moment)) return false
    const { left, right, leftIds, rightIds, seen, live } = this
    for (let i = 0; i < right.count; i++) seen[rightIds[right.live[i]!]!] = 1
    const wanted = this.node.op === 'and' ? 1 : 0
    this.values = left.values
    for (let i = 0; i < left.count; i++) {
      const row = left.live[i]!
      if (seen[leftIds[row]!] === wanted) live[this.count++] = row
    }
    return true
  }

  labels(row: number): Labels {
    return this.left.labels(row)
  }
  names(): ReadonlySet<string> {
    return this.left.names()
  }
  column(name: string): Int32Array {
    return this.left.column(name)
  }
}

/** `or`: rows of the left side, then those of the right. */
export class UnitedRows extends SetRows {
  protected rowCount(): number {
    return this.left.size + this.right.size
  }

  protected work(moment: Moment): boolean {
    if (!this.prepare(moment)) return false
    const { left, right, leftIds, rightIds, seen, live, values } = this
    for (let i = 0; i < left.count; i++) {
      const row = left.live[i]!
      seen[leftIds[row]!] = 1
      values[row] = left.values[row]!
      live[this.count++] = row
    }
    for (let i = 0; i < right.count; i++) {
      const row = right.live[i]!
      if (seen[rightIds[row]!] === 1) continue
      values[left.size + row] = right.values[row]!
      live[this.count++] = left.size + row
    }
    return true
  }

  labels(row: number): Labels {
    return row < this.left.size ? this.left.labels(row) : this.right.labels(row - this.left.size)
  }
  names(): ReadonlySet<string> {
    return new Set([...this.left.names(), ...this.right.names()])
  }
  column(name: string): Int32Array {
    return joined(this.left.column(name), this.right.column(name))
  }
}
