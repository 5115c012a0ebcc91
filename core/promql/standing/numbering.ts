// Rows into groups: rows that agree in every column get the same number, numbers in the order of their first row.

/** Texts that no series holds get numbers below -1, so that they never meet those of the store. */
const privateText = -2

export type Numbering = { readonly ids: Int32Array; readonly count: number }

export function numberRows(columns: readonly Int32Array[], size: number): Numbering {
  let ids = new Int32Array(size)
  let count = size === 0 ? 0 : 1
  for (const column of columns) {
    if (constant(column)) continue
    ;({ ids, count } = split(ids, column))
  }
  return { ids, count }
}

/** No two rows agree in all columns. */
export function distinct(columns: readonly Int32Array[], size: number): boolean {
  return numberRows(columns, size).count === size
}

export function constant(column: Int32Array): boolean {
  for (let row = 1; row < column.length; row++) if (column[row] !== column[0]) return false
  return true
}

/** For each number the first row that has it. */
export function firstRows({ ids, count }: Numbering): Int32Array {
  const first = new Int32Array(count).fill(-1)
  for (let row = 0; row < ids.length; row++) if (first[ids[row]!] === -1) first[ids[row]!] = row
  return first
}

export function gather(column: Int32Array, rows: Int32Array): Int32Array {
  const out = new Int32Array(rows.length)
  for (let i = 0; i < rows.length; i++) out[i] = rows[i]! < 0 ? -1 : column[rows[i]!]!
  return out
}

export function joined(a: Int32Array, b: Int32Array): Int32Array {
  const out = new Int32Array(a.length + b.length)
  out.set(a)
  out.set(b, a.length)
  return out
}

/** Numbers of pairs, by a table with open addressing. */
function split(ids: Int32Array, column: Int32Array): { ids: Int32Array<ArrayBuffer>; count: number } {
  const size = ids.length
  const out = new Int32Array(size)
  const mask = 2 ** Math.ceil(Math.log2(size * 2 + 1)) - 1
  const table = new Int32Array(mask + 1)
  const first = new Int32Array(size)
  let count = 0
  for (let row = 0; row < size; row++) {
    const [id, value] = [ids[row]!, column[row]!]
    let hash = Math.imul(id, 0x9e3779b1) ^ Math.imul(value, 0x85ebca6b)
    hash ^= hash >>> 15
    let slot = Math.imul(hash, 0x2c1b3c6d) & mask
    for (;;) {
      const entry = table[slot]!
      if (entry === 0) {
        first[count] = row
        table[slot] = ++count
        out[row] = count - 1
        break
      }
      const other = first[entry - 1]!
      if (ids[other] === id && column[other] === value) {
        out[row] = entry - 1
        break
      }
      slot = (slot + 1) & mask
    }
  }
  return { ids: out, count }
}

/** Numbers for texts, those of the store where it has them. Valid for one generation. */
export function textNumbers(find: (text: string) => number): (text: string) => number {
  const own = new Map<string, number>()
  return (text) => {
    if (text === '') return -1
    const known = find(text)
    if (known >= 0) return known
    const number = own.get(text) ?? privateText - own.size
    own.set(text, number)
    return number
  }
}
