import { readFileSync } from 'node:fs'

// Read from /proc, so only on Linux.

const KIBIBYTE = 1024
/** The kernel counts processor time in hundredths of a second, regardless of its timer frequency. */
const TICK = 10_000

/** Returns the peak memory in bytes. */
export function peakMemory(pid: number): number {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8')
  return Number(/^VmHWM:\s+(\d+) kB$/m.exec(status)?.[1]) * KIBIBYTE
}

/** Returns the used processor time in microseconds. */
export function processorTime(pid: number): number {
  // after the name, which is in parentheses and may contain anything: proc(5)
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ').at(-1)?.split(' ') ?? []
  return (Number(fields[11]) + Number(fields[12])) * TICK
}
