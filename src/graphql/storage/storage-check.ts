import type { StorageFinding } from '../../scrub/findings.ts'
import type { ScrubPass } from '../../scrub/passes.ts'
import { builder } from '../kit/builder.ts'
import type { ScrubView } from '../kit/context.ts'
import { enumType, objectType } from '../kit/types.ts'

const StorageContentEnum = enumType<StorageFinding['content']>('StorageContent', {
  description: 'Kind of stored content.',
  values: {
    BLOB: 'A layer or a config that was pushed or fetched, in a file of its own.',
    MANIFEST: 'A manifest, in the database.',
    CONFIG: 'The copy of a config from which the API reads, in the database.',
  },
})

const StorageProblemEnum = enumType<StorageFinding['problem']>('StorageProblem', {
  description: 'What is wrong with stored content.',
  values: {
    MISSING: 'Its file does not exist.',
    TRUNCATED: 'Its file has another size.',
    DAMAGED: 'Its bytes do not have its digest.',
    UNREADABLE: 'The disk reports an error when it is read.',
  },
})

const StorageFindingEndingEnum = enumType<NonNullable<StorageFinding['ending']>>('StorageFindingEnding', {
  description: 'How a finding about stored content ended.',
  values: {
    FETCHED: 'The content was fetched again from the registry that its image came from.',
    REPLACED: 'The content is stored again: it was pushed, pulled through, imported or restored.',
    REMOVED: 'The content is no longer needed.',
  },
})

const StorageFindingType = builder.objectRef<StorageFinding>('StorageFinding')
objectType(StorageFindingType, {
  description:
    'Stored content that was found damaged or lost. Clients get a 404 for it until it is stored again, which a push of the image does.',
  properties: (t) => ({
    content: t.one(StorageContentEnum, 'Kind of the content.'),
    digest: t.digest('Digest of the content when it is whole.'),
    size: t.bigInt('Size of the content in bytes when it is whole.'),
    problem: t.one(StorageProblemEnum, 'What is wrong.'),
    foundAt: t.dateTime('Time at which it was found.'),
    endedAt: t.dateTimeOrNull('Time at which the finding ended; null before.'),
    ending: t.oneOrNull(StorageFindingEndingEnum, 'How the finding ended; null before.'),
    message: t.stringOrNull(
      'Explanation for people why the content could not be fetched again; null where no source is known, and after the end.',
    ),
  }),
  fields: (t) => ({
    quarantinedFile: t.exposeString('quarantined', {
      nullable: true,
      description:
        'Name of the file with the damaged bytes, in `quarantine` of the data folder; null without one.',
    }),
    neededBy: t.stringList({
      description:
        'Tags whose image contains the content, as `namespace/stream:tag`, and repositories that have it without such a tag; at most 100.',
      complexity: 20,
      resolve: (finding, _args, { scrub }) => [...scrub.holdersOf(finding)],
    }),
  }),
})

const current = ({ last }: ScrubView): ScrubPass | undefined => last()

const StorageCheckType = objectType<ScrubView>('StorageCheck', {
  description:
    'The check that reads all that is stored, at a limited rate (`--scrub-mib-per-second`): first the database, then each blob, whose bytes are compared with its digest. A pass begins a week after the last one, and goes on after a restart.',
  fields: (t) => ({
    isOn: t.boolean({
      description: 'Whether the server checks what is stored; otherwise only what requests find is known.',
      resolve: ({ bytesPerSecond }) => bytesPerSecond !== null,
    }),
    startedAt: t.field({
      type: 'DateTime',
      nullable: true,
      description: 'Time at which the newest pass began; null before the first.',
      resolve: (scrub) => current(scrub)?.startedAt,
    }),
    databaseCheckedAt: t.field({
      type: 'DateTime',
      nullable: true,
      description: 'Time at which the newest pass had checked the database; null before.',
      resolve: (scrub) => current(scrub)?.databaseCheckedAt,
    }),
    finishedAt: t.field({
      type: 'DateTime',
      nullable: true,
      description: 'Time at which the newest pass ended; null while it runs.',
      resolve: (scrub) => current(scrub)?.finishedAt,
    }),
    lastFinishedAt: t.field({
      type: 'DateTime',
      nullable: true,
      description: 'Time at which a pass last ended; null before the first end.',
      resolve: ({ lastFinished }) => lastFinished()?.finishedAt,
    }),
    checkedBlobCount: t.int({
      description: 'Number of blobs that the newest pass has checked.',
      resolve: (scrub) => current(scrub)?.blobCount ?? 0,
    }),
    checkedSize: t.field({
      type: 'BigInt',
      description: 'Bytes of the blobs that the newest pass has checked.',
      resolve: (scrub) => current(scrub)?.size ?? 0,
    }),
    blobCount: t.int({
      description: 'Number of stored blobs.',
      complexity: 20,
      resolve: ({ totals }) => totals().count,
    }),
    size: t.field({
      type: 'BigInt',
      description: 'Bytes of the stored blobs.',
      complexity: 20,
      resolve: ({ totals }) => totals().size,
    }),
    quarantinedFileCount: t.int({
      description: 'Number of files in `quarantine` of the data folder, which an operator may remove.',
      complexity: 20,
      resolve: async ({ quarantined }) => (await quarantined()).count,
    }),
    quarantinedSize: t.field({
      type: 'BigInt',
      description: 'Bytes of the files in `quarantine` of the data folder.',
      complexity: 20,
      resolve: async ({ quarantined }) => (await quarantined()).size,
    }),
    findings: t.field({
      type: [StorageFindingType],
      description:
        'Content that was found damaged or lost: what has not ended, then what has, each newest first; at most 1,000.',
      complexity: 100,
      resolve: ({ findings }) => findings(),
    }),
  }),
})

builder.queryField('storageCheck', (t) =>
  t.field({
    type: StorageCheckType,
    description: 'Returns the state of the check of all that is stored, and what was found damaged or lost.',
    access: 'server-admin',
    example: `
      # What is damaged, which tags need it, and how far the check is.
      query StorageCheck {
        storageCheck {
          lastFinishedAt checkedSize size quarantinedSize
          findings { content digest problem foundAt ending neededBy }
        }
      }
    `,
    resolve: (_root, _args, { scrub }) => scrub,
  }),
)
