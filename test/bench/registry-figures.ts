import { type Command, MEBIBYTE } from './registry-protocol.ts'

/** A figure that is measured with each server, in rounds. */
export interface Figure {
  readonly name: string
  /** Intended ratio to docker-registry. */
  readonly goal: number
  /** Bytes of one operation, if the figure is bytes; otherwise it is operations. */
  readonly size?: number
  /** Whether bare node:http supports it. */
  readonly hasBare: boolean
  /** Whether it writes so much that the disk must settle before it. */
  readonly isHeavy: boolean
  command(port: number): Command
}

const REPOSITORY = 'bench/app'
/** Connections for small requests. */
const CONNECTIONS = 8
const SECONDS = 0.5
/** Tags in the list. */
const TAGS = 10_000
const PAGE = 100

const BLOBS = [
  { size: 8 * MEBIBYTE, atOnce: 1, pushes: 8, pulls: 64, pullGoal: 1.4 },
  { size: 8 * MEBIBYTE, atOnce: 4, pushes: 16, pulls: 64, pullGoal: 1.4 },
  { size: 64 * MEBIBYTE, atOnce: 1, pushes: 2, pulls: 12, pullGoal: 1.15 },
  { size: 64 * MEBIBYTE, atOnce: 4, pushes: 4, pulls: 16, pullGoal: 1.15 },
]

const blobFigures = BLOBS.map(({ size, atOnce, pushes, pulls, pullGoal }): readonly Figure[] => {
  const name = `${size / MEBIBYTE} MiB, ${atOnce} at once`
  const common = { size, hasBare: true }
  const to = (port: number) => ({ port, repository: REPOSITORY, size, atOnce })
  return [
    {
      ...common,
      name: `blob push ${name}`,
      goal: 1.5,
      isHeavy: true,
      command: (port) => ({ do: 'push blobs', ...to(port), count: pushes }),
    },
    {
      ...common,
      name: `blob pull ${name}`,
      goal: pullGoal,
      isHeavy: false,
      command: (port) => ({ do: 'pull blobs', ...to(port), count: pulls }),
    },
  ]
})

const small = (port: number) => ({ port, repository: REPOSITORY, atOnce: CONNECTIONS, seconds: SECONDS })

const manifestFigures: Figure[] = [
  {
    name: 'manifest push, 1 at once',
    goal: 4,
    hasBare: true,
    isHeavy: true,
    command: (port) => ({ do: 'push manifests', ...small(port), atOnce: 1 }),
  },
  {
    name: `manifest push, ${CONNECTIONS} at once`,
    goal: 4,
    hasBare: true,
    isHeavy: true,
    command: (port) => ({ do: 'push manifests', ...small(port) }),
  },
  ...(['GET', 'HEAD'] as const).map((method) => ({
    name: `manifest ${method}`,
    goal: 10,
    hasBare: true,
    isHeavy: false,
    command: (port: number): Command => ({ do: 'read manifests', method, ...small(port) }),
  })),
]

/** What a client looks for before it pushes; this server looks for it in imported manifests too. */
const missFigures = (['blobs', 'manifests'] as const).map(
  (missing): Figure => ({
    name: `HEAD of missing ${missing}`,
    goal: 2,
    hasBare: false,
    isHeavy: false,
    command: (port) => ({ do: 'look for', missing, ...small(port) }),
  }),
)

const listFigures: Figure[] = [
  {
    name: `tag list of ${TAGS}`,
    goal: 2.5,
    hasBare: false,
    isHeavy: false,
    command: (port) => ({ do: 'list tags', ...small(port) }),
  },
  {
    name: `tag list of ${TAGS}, a page of ${PAGE} from anywhere`,
    goal: 20,
    hasBare: false,
    isHeavy: false,
    command: (port) => ({ do: 'list tags', page: PAGE, ...small(port) }),
  },
]

/** Figures that are measured with the same servers. */
export interface FigureGroup {
  readonly figures: readonly Figure[]
  /** Commands that create the content for the figures. */
  preparation(port: number): readonly Command[]
}

const image = (port: number): Command => ({ do: 'push image', port, repository: REPOSITORY })

/**
 * Each kind of blobs has its own servers, and their data is removed before the next: a machine gets slower when
 * files fill its memory.
 */
export const FIGURE_GROUPS: readonly FigureGroup[] = [
  ...blobFigures.map((figures) => ({ figures, preparation: (port: number) => [image(port)] })),
  { figures: [...manifestFigures, ...missFigures], preparation: (port) => [image(port)] },
  {
    figures: listFigures,
    preparation: (port) => [
      image(port),
      { do: 'push tags', port, repository: REPOSITORY, atOnce: CONNECTIONS, count: TAGS },
    ],
  },
]
