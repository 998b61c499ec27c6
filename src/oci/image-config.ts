import { parsePlatform, parseStringMap } from './descriptor.ts'
import { isObject, type Json, parseJson } from './json.ts'

/** An image's configuration. Source: OCI image-spec, config.md. */
export type ImageConfig = Readonly<ReturnType<typeof parseImageConfig>>

const strings = (value: unknown): readonly string[] =>
  Array.isArray(value) ? value.filter((item): item is string => typeof item === 'string') : []
const stringsOrNull = (value: unknown): readonly string[] | null =>
  Array.isArray(value) ? strings(value) : null
const textOrNull = (value: unknown): string | null =>
  typeof value === 'string' && value !== '' ? value : null
const keysOf = (value: unknown): readonly string[] => (isObject(value) ? Object.keys(value).sort() : [])

/** Parses an RFC 3339 time; null for other values, and for the zero times of reproducible builds (1970, 0001). */
export function parseCreated(value: unknown): Date | null {
  const time = typeof value === 'string' ? Date.parse(value) : Number.NaN
  return time > 0 ? new Date(time) : null
}

/** Parses a config. Missing and malformed fields are null or empty: an image with an unusual config is still an image. */
export function parseImageConfig(text: string) {
  const json = parseOrEmpty(text)
  const run = isObject(json.config) ? json.config : {}
  const rootfs = isObject(json.rootfs) ? json.rootfs : {}
  return {
    created: parseCreated(json.created),
    platform: parsePlatform(json) ?? null,
    user: textOrNull(run.User),
    workingDir: textOrNull(run.WorkingDir),
    env: strings(run.Env),
    entrypoint: stringsOrNull(run.Entrypoint),
    cmd: stringsOrNull(run.Cmd),
    exposedPorts: keysOf(run.ExposedPorts),
    volumes: keysOf(run.Volumes),
    labels: parseStringMap(run.Labels),
    stopSignal: textOrNull(run.StopSignal),
    /** Digests of the uncompressed layers, the lowest first. */
    diffIds: strings(rootfs.diff_ids),
  }
}

const parseOrEmpty = (text: string): Json => {
  const value = parseJson(text)
  return isObject(value) ? value : {}
}
