import type { ImportRequest } from '../request/import-plan.ts'
import type { ImageStream } from '../spec/spec.ts'

/** Reports whether the request replaces options of the spec. */
export function isOverridden(stream: ImageStream, request: ImportRequest): boolean {
  const { insecure = Boolean(stream.insecure), importMode = stream.importMode } = request
  return insecure !== Boolean(stream.insecure) || importMode !== stream.importMode
}

/** Reports whether a full scan is due, which requests every tag. `sweptAt`: the last one, null without one. */
export function isFullScanDue(
  { stream, request }: { readonly stream: ImageStream; readonly request: ImportRequest },
  { sweptAt, fullSweepMs, now }: { readonly sweptAt: number | null; fullSweepMs: number; now: number },
): boolean {
  if (sweptAt === null || isOverridden(stream, request) || request.fullSweep) return true
  // a time in the future was written before the clock was set back
  return now >= sweptAt + fullSweepMs || now < sweptAt
}
