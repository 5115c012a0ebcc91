// What work costs, whatever else the machine does meanwhile: time of the processor, not of the clock on the wall.

/** Milliseconds of processor time that this process has used. */
export function cpuMs(): number {
  const { user, system } = process.cpuUsage()
  return (user + system) / 1000
}
