import type { Database } from '../../db/open.ts'

interface TextRow {
  readonly id: number
  readonly text: string
}
interface TextSize {
  readonly id: number
  /** Characters. */
  readonly size: number
}

/** Creates the reads of what deliveries have sent and received: long texts, which their rows are read without. */
export function createDeliveryTexts({ prepare }: Pick<Database, 'prepare'>) {
  const readsOf = (table: string, column: string) => {
    const where = `from ${table} where ${column} is not null and id in (select value from json_each(?))`
    const sizes = prepare<TextSize>(`select id, length(${column}) as size ${where}`)
    const texts = prepare<TextRow>(`select id, ${column} as text ${where}`)
    return {
      sizes: (ids: readonly number[]): TextSize[] => sizes.all(JSON.stringify(ids)),
      read: (ids: readonly number[]): Map<number, string> =>
        new Map(texts.all(JSON.stringify(ids)).map(({ id, text }) => [id, text])),
    }
  }
  return {
    /** Requests by the number of their delivery, as JSON text. */
    requests: readsOf('trigger_deliveries', 'request'),
    /** Responses by the number of their attempt. */
    responses: readsOf('trigger_attempts', 'response'),
  }
}
