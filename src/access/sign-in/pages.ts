/** The style of all pages. */
export const STYLE =
  'body{font:1rem/1.5 system-ui,sans-serif;max-width:34rem;margin:4rem auto;padding:0 1rem;color-scheme:light dark}' +
  'button{font:inherit;padding:.4rem 1.2rem;margin-right:.5rem}code{font-size:1.4rem;letter-spacing:.1em}'

const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
}

const escaped = (text: string): string => text.replace(/[&<>"']/g, (character) => ENTITIES[character] ?? '')

const page = (title: string, body: string): string =>
  `<!doctype html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">` +
  `<title>${escaped(title)}</title><style>${STYLE}</style></head><body><h1>${escaped(title)}</h1>${body}</body></html>`

/** A link below a message. */
interface Link {
  readonly path: string
  readonly text: string
}

/** Returns a page with a message, and a link. */
export const messagePage = (title: string, text: string, link?: Link): string =>
  page(
    title,
    `<p>${escaped(text)}</p>${link ? `<p><a href="${escaped(link.path)}">${escaped(link.text)}</a></p>` : ''}`,
  )

/** What a person is asked. */
interface Question {
  readonly title: string
  readonly text: string
  /** Path to which the answer is sent, as `answer`: `allow` or `deny`. */
  readonly action: string
  /** Fields that are sent with it. */
  readonly fields: Readonly<Record<string, string>>
  /** A code to compare; the field `user_code` if it is not known yet. */
  readonly code?: string | undefined
}

/** Returns a page with a question and its two answers. */
export const confirmationPage = ({ title, text, action, fields, code }: Question): string => {
  const hidden = Object.entries(fields)
    .map(([name, value]) => `<input type="hidden" name="${escaped(name)}" value="${escaped(value)}">`)
    .join('')
  const shown = code === undefined ? '' : `<p><code>${escaped(code)}</code></p>`
  return page(
    title,
    `<p>${escaped(text)}</p>${shown}<form method="post" action="${escaped(action)}">${hidden}` +
      '<button name="answer" value="allow">Allow</button><button name="answer" value="deny">Deny</button></form>',
  )
}

/** Returns a page on which a person enters the code that a terminal shows. */
export const codePage = (title: string, text: string, action: string): string =>
  page(
    title,
    `<p>${escaped(text)}</p><form method="get" action="${escaped(action)}">` +
      '<input name="user_code" autocomplete="off" autofocus required> <button>Continue</button></form>',
  )
