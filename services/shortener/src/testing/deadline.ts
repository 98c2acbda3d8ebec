/** Awaits with a deadline: whatever takes longer has not answered. */
export async function within<T>(deadlineMs: number, work: () => Promise<T>): Promise<T> {
  const { promise: late, reject } = Promise.withResolvers<never>()
  const timer = setTimeout(() => reject(new Error(`Not done within ${deadlineMs} ms.`)), deadlineMs)
  try {
    return await Promise.race([work(), late])
  } finally {
    clearTimeout(timer)
  }
}
