/**
 * Remembers the last answer to a question for a moment, and lets those who ask meanwhile wait for the same one: many
 * open pages cost as much as one. What is past its moment goes with the next question: memory holds one moment's keys.
 */
export function recent<K, T>(answer: (key: K) => Promise<T>, keptMs: number, nowMs: () => number) {
  const kept = new Map<K, { readonly askedAtMs: number; readonly answer: Promise<T> }>()
  return async (key: K): Promise<T> => {
    const known = kept.get(key)
    if (known !== undefined && nowMs() - known.askedAtMs < keptMs) return await known.answer
    for (const [other, { askedAtMs }] of kept) if (nowMs() - askedAtMs >= keptMs) kept.delete(other)
    const asked = { askedAtMs: nowMs(), answer: answer(key) }
    kept.set(key, asked)
    // A failure is not kept: the next one to ask may have more luck.
    asked.answer.catch(() => kept.get(key) === asked && kept.delete(key))
    return await asked.answer
  }
}
