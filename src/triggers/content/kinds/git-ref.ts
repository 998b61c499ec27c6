import { checkText } from './fields.ts'

/** Returns the name of a branch or a tag, or a commit. Throws InvalidInputError. Source: git-check-ref-format. */
export const checkGitRef = (text: string, field: string): string =>
  checkText(text, field, {
    pattern: /^(?!\/)(?!.*(?:\.\.|@\{|\/\/|\/$|\.$|\.lock$))[^\p{Cc}\s~^:?*[\\]{1,255}$/u,
    allowed: 'the name of a branch or a tag, or a commit',
  })
