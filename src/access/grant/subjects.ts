import { eq } from 'drizzle-orm'
import type { Database } from '../../db/open.ts'
import { accessTokens, federationRules, users } from '../../db/tables/index.ts'
import { ConflictError, InvalidInputError, NotFoundError, quoted } from '../../input/errors.ts'
import { parsePrincipal, principalId } from '../identity/principal.ts'
import type { Viewer } from '../right/viewer.ts'
import { createGrantRows, EVERYONE, SIGNED_IN, type Subject } from './grant-rows.ts'
import { createRuleGrants } from './rule-grants.ts'

/** How a person names a subject: by its name or the id that viewers have, `user:12`; null for every person and everyone. */
export interface NamedSubject {
  readonly subjectKind: Subject['subjectKind']
  readonly name: string | null
}

/** Characters of a group's name in the claims of a provider. */
const MAX_GROUP_LENGTH = 255

/** Creates the lookups of subjects by name, and of names. */
export function createSubjects({ orm }: Pick<Database, 'orm'>) {
  const { mayChange } = createRuleGrants(createGrantRows({ orm }))
  const people = (name: string) => {
    const id = parsePrincipal(name)
    // people may choose their user name: one that looks like an address is none here
    const byName = name.includes('@') ? eq(users.email, name) : eq(users.name, name)
    const isNamed = id?.kind === 'user' ? eq(users.id, id.id) : byName
    return orm.select({ id: users.id }).from(users).where(isNamed).limit(2).all()
  }
  const ownRules = (name: string, viewer: Viewer) => {
    const id = parsePrincipal(name)
    const isNamed = id?.kind === 'rule' ? eq(federationRules.id, id.id) : eq(federationRules.name, name)
    const { id: number, createdBy } = federationRules
    // rules of others may have the name too
    const found = orm.select({ id: number, createdBy }).from(federationRules).where(isNamed).all()
    return found.filter((rule) => mayChange(viewer, rule))
  }
  const ownTokens = (name: string, viewer: Viewer) => {
    const id = parsePrincipal(name)
    const token =
      id?.kind === 'token' && orm.select().from(accessTokens).where(eq(accessTokens.id, id.id)).get()
    return token && principalId('user', token.userId) === viewer.id ? [token] : []
  }

  const only = (
    kind: Subject['subjectKind'],
    name: string,
    found: readonly { readonly id: number }[],
  ): Subject => {
    const [one, other] = found
    if (!one) throw new NotFoundError(`no ${WORDS[kind]} has the name ${quoted(name)}`)
    if (other)
      throw new ConflictError(
        `${quoted(name)} names more than one ${WORDS[kind]}: give the principal, like user:12 or rule:3`,
      )
    return { subjectKind: kind, subject: String(one.id) }
  }

  const namesOf = {
    USER: (id: number) => orm.select({ name: users.name }).from(users).where(eq(users.id, id)).get(),
    TOKEN: (id: number) =>
      orm.select({ name: accessTokens.name }).from(accessTokens).where(eq(accessTokens.id, id)).get(),
    RULE: (id: number) =>
      orm
        .select({ name: federationRules.name })
        .from(federationRules)
        .where(eq(federationRules.id, id))
        .get(),
  }

  return {
    /**
     * Returns the subject of this name. Throws NotFoundError, also for a token of another person and a rule that the viewer may
     * not change; ConflictError for a name of several; InvalidInputError.
     */
    named(viewer: Viewer, { subjectKind, name }: NamedSubject): Subject {
      if (subjectKind === 'SIGNED_IN' || subjectKind === 'EVERYONE') {
        if (name !== null) throw new InvalidInputError('subject', `${subjectKind} has no name: leave it out`)
        return subjectKind === 'EVERYONE' ? EVERYONE : SIGNED_IN
      }
      if (name === null || name === '')
        throw new InvalidInputError('subject', `a ${WORDS[subjectKind]} is given by its name or id`)
      if (subjectKind === 'USER') return only(subjectKind, name, people(name))
      if (subjectKind === 'RULE') return only(subjectKind, name, ownRules(name, viewer))
      if (subjectKind === 'TOKEN') return only(subjectKind, name, ownTokens(name, viewer))
      if (name.length > MAX_GROUP_LENGTH)
        throw new InvalidInputError('subject', `a group's name has at most ${MAX_GROUP_LENGTH} characters`)
      return { subjectKind, subject: name }
    },

    /** Returns the name for people; null for every person and everyone. */
    nameOf({ subjectKind, subject }: Subject): string | null {
      if (subjectKind === 'SIGNED_IN' || subjectKind === 'EVERYONE') return null
      if (subjectKind === 'GROUP') return subject
      return namesOf[subjectKind](Number(subject))?.name ?? null
    },
  }
}

const WORDS: Readonly<Record<Subject['subjectKind'], string>> = {
  USER: 'person',
  GROUP: 'group',
  TOKEN: 'access token of yours',
  RULE: 'federation rule of yours',
  SIGNED_IN: 'every person',
  EVERYONE: 'everyone',
}
