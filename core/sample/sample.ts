// Samples on their way: what collectors give and what a remote-write frame holds. Labels are sorted by name and unique; `__name__` is one
// of them.

/** Sorted by name; `__name__` is a label like any other. */
export type Labels = readonly (readonly [name: string, value: string])[]

export type SeriesSamples = {
  readonly labels: Labels
  /** Milliseconds, oldest first. */
  readonly times: readonly number[]
  readonly values: readonly number[]
  /** Same length; true where the sample says that the series ended here. Left out: none does. */
  readonly stale?: readonly boolean[]
}

/** Where collectors put what they found. */
export type SampleSink = { push(series: readonly SeriesSamples[]): void }

/** Labels from a record, sorted; empty values are left out, as a label with an empty value is no label. */
export function labelsOf(name: string, record: Readonly<Record<string, string>>): Labels {
  const out: [string, string][] = [['__name__', name]]
  for (const key in record) if (record[key] !== '') out.push([key, record[key]!])
  return out.sort((a, b) => (a[0] < b[0] ? -1 : a[0] > b[0] ? 1 : 0))
}

/** Labels that somebody sent, as they are kept: sorted, without those that are empty. Null where a name holds a NUL. A name twice stays twice. */
export function receivedLabels(labels: Labels): Labels | null {
  let plain = true
  for (let i = 0; i < labels.length; i++) {
    const [name, value] = labels[i]!
    if (name.includes('\0')) return null
    if (value === '' || (i > 0 && labels[i - 1]![0] > name)) plain = false
  }
  if (plain) return labels
  return labels.filter(([, value]) => value !== '').sort((a, b) => (a[0] < b[0] ? -1 : a[0] > b[0] ? 1 : 0))
}

/** One sample of one series. */
export function sample(
  name: string,
  record: Readonly<Record<string, string>>,
  time: number,
  value: number,
): SeriesSamples {
  return { labels: labelsOf(name, record), times: [time], values: [value] }
}
