import { readFileSync } from 'node:fs'

// Told by /proc, so only on Linux.

const KIBIBYTE = 1024
/** The kernel counts processor time in hundredths of a second, whatever its clock. */
const TICK = 10_000

/** Bytes of memory at the highest so far. */
export function peakMemory(pid: number): number {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8')
  return Number(/^VmHWM:\s+(\d+) kB$/m.exec(status)?.[1]) * KIBIBYTE
}

/** Microseconds of processor time so far. */
export function processorTime(pid: number): number {
  // behind the name, which stands in brackets and may hold anything: proc(5)
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ').at(-1)?.split(' ') ?? []
  return (Number(fields[11]) + Number(fields[12])) * TICK
}
