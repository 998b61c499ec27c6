import { Counter, Gauge, type Registry } from 'prom-client'

/** Figures of the scrub, which reads all that is stored again and again. */
export interface ScrubFigures {
  /** Bytes of blobs that were read since the start. */
  readonly readBytes: number
  /** Bytes of blobs that the newest pass has checked. */
  readonly passBytes: number
  /** When a pass last ended, in milliseconds since 1970; null before the first end. */
  readonly finishedAt: number | null
  /** Numbers of damaged and lost blobs, manifests and configs that are not stored again, by problem. */
  readonly findings: ReadonlyMap<string, number>
}

/** Registers the metrics of the scrub. */
export function scrubMetrics(registry: Registry, read: () => ScrubFigures): void {
  const registers = [registry]
  const gauge = (name: string, help: string, figure: (figures: ScrubFigures) => number | null) =>
    new Gauge({
      name: `imagestreams_${name}`,
      help,
      registers,
      collect() {
        const value = figure(read())
        if (value === null) this.remove()
        else this.set(value)
      },
    })
  new Counter({
    name: 'imagestreams_scrub_read_bytes_total',
    help: 'Bytes of blobs that the scrub has read since the start.',
    registers,
    collect() {
      this.reset()
      this.inc(read().readBytes)
    },
  })
  gauge(
    'scrub_pass_bytes',
    'Bytes of blobs that the newest pass of the scrub has checked.',
    (figures) => figures.passBytes,
  )
  gauge(
    'scrub_last_pass_timestamp_seconds',
    'When a pass of the scrub over all that is stored last ended.',
    ({ finishedAt }) => finishedAt && finishedAt / 1000,
  )
  new Gauge({
    name: 'imagestreams_storage_findings',
    help: 'Damaged and lost blobs, manifests and configs that are not stored again, by problem.',
    labelNames: ['problem'],
    registers,
    collect() {
      this.reset()
      for (const problem of PROBLEMS)
        this.set({ problem: problem.toLowerCase() }, read().findings.get(problem) ?? 0)
    },
  })
}

const PROBLEMS = ['MISSING', 'TRUNCATED', 'DAMAGED', 'UNREADABLE'] as const
