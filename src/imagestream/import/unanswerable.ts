const NOT_IMPLEMENTED = 501
/** Client errors of a registry that serves such requests: they concern a login, a quota, the moment, or a missing tag. */
const REFUSALS = [401, 402, 403, 404, 407, 408, 421, 425, 429, 451]

/** Reports whether the status says that the registry does not serve such a request at all. */
export const isUnanswerable = (status = 0): boolean =>
  status === NOT_IMPLEMENTED || (status >= 400 && status < 500 && !REFUSALS.includes(status))
