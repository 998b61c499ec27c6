import { isObject, type Json, parseJson } from '../../oci/json.ts'
import type { Sealer } from '../../secrets/sealer.ts'

/** What a sealed text is for: it opens for nothing else. */
type Purpose = 'sign-in cookie' | 'device code'

/** Texts that only this server can read and write, and which clients keep for it. */
export type SealedTexts = ReturnType<typeof createSealedTexts>

/** Creates the texts. `now` returns milliseconds since 1970. */
export const createSealedTexts = ({ sealer, now }: { sealer: Sealer; now: () => number }) => ({
  /** Returns the content as text of letters, digits, `.`, `-` and `_` that opens for so many milliseconds. */
  seal(purpose: Purpose, content: Json, lifetime: number): string {
    const text = JSON.stringify({ ...content, until: now() + lifetime })
    const { keyId, bytes } = sealer.seal(text, [purpose])
    return `${keyId}.${Buffer.from(bytes).toString('base64url')}`
  },

  /** Returns the content; undefined for a text that was changed, has another purpose or is too old. */
  open(purpose: Purpose, text: string): Json | undefined {
    const [keyId = '', bytes = ''] = text.split('.', 2)
    const content = opened(() => sealer.open({ keyId, bytes: Buffer.from(bytes, 'base64url') }, [purpose]))
    return isObject(content) && typeof content.until === 'number' && now() < content.until
      ? content
      : undefined
  },
})

function opened(open: () => string): unknown {
  try {
    return parseJson(open())
  } catch {
    return undefined
  }
}
