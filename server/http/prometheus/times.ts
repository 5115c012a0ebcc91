// Moments as the Prometheus API writes them: RFC 3339, and Go's zero time for what never happened.

export const time = (ms: number): string => new Date(ms).toISOString()
export const never = '0001-01-01T00:00:00Z'
