import { createApplyDocuments } from '../documents/apply.ts'
import { createImageReferences } from '../imagestream/commands/image-reference.ts'
import { createImportImage } from '../imagestream/commands/import-image.ts'
import { createStreamRemoval } from '../imagestream/commands/remove-stream.ts'
import { createTagRemoval } from '../imagestream/commands/remove-tag.ts'
import { createRollBack } from '../imagestream/commands/roll-back.ts'
import { createSetTagPolicy } from '../imagestream/commands/set-tag-policy.ts'
import { createTagging } from '../imagestream/commands/tag-image.ts'
import type { CommandDependencies } from '../imagestream/commands/write-target.ts'
import { createReportedHistories } from '../imagestream/watch/reported-histories.ts'
import type { HintRetries } from '../receivers/retries.ts'
import { createRepositoryNames } from '../registry/content/repository-names.ts'

/** Creates the commands that change streams and their tags. */
export function createCommands(dependencies: CommandDependencies, hintRetries: HintRetries) {
  const { db } = dependencies
  const repositories = createRepositoryNames(db)
  return {
    streamRemoval: createStreamRemoval({
      ...dependencies,
      onDeleted(tx, stream) {
        hintRetries.dropTargets(tx, stream.id)
        repositories.retire(tx, stream)
      },
      onRestored: repositories.bringBack,
    }),
    tagging: createTagging(dependencies),
    tagRemoval: createTagRemoval(dependencies),
    importImage: createImportImage(dependencies),
    imageReference: createImageReferences(dependencies),
    applyDocuments: createApplyDocuments({ ...dependencies, reportedHistories: createReportedHistories(db) }),
    setTagPolicy: createSetTagPolicy(dependencies),
    rollBackTag: createRollBack(dependencies),
  }
}
