/** A failure whose message is one sentence for a person: printed alone, without a stack. */
export class LocalFleetError extends Error {
  override name = 'LocalFleetError'
}

/** Turns what the system says about a full disk into that one sentence; everything else stays as it was. */
export function explainProblem(error: unknown): string {
  if (error instanceof LocalFleetError) return error.message
  if (isDiskFull(error))
    return `The disk is full (${messageOf(error).split('\n')[0]}). Free some space and start again.`
  return messageOf(error)
}

export function isDiskFull(error: unknown): boolean {
  const text = `${(error as { code?: string } | undefined)?.code ?? ''} ${messageOf(error)}`
  return /ENOSPC|EDQUOT|No space left on device/i.test(text)
}

export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
