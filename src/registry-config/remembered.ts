/** The same function, which computes what it was asked lately but once: for answers that do not change. */
export function remembered<Answer>(compute: (key: string) => Answer, most = 1000): (key: string) => Answer {
  const answers = new Map<string, Answer>()
  return (key) => {
    const known = answers.get(key)
    if (known !== undefined) return known
    // what is asked again and again is soon known again
    if (answers.size >= most) answers.clear()
    const answer = compute(key)
    answers.set(key, answer)
    return answer
  }
}
