import { useEffect, useState } from 'preact/hooks'
import { CopyIcon, DoneIcon } from './icons.tsx'

/** The clipboard API needs a secure context; a console on http://192.168.… has only the old command. */
async function copyText(text: string): Promise<boolean> {
  try {
    await navigator.clipboard.writeText(text)
    return true
  } catch {
    const area = document.createElement('textarea')
    area.value = text
    area.className = 'visually-hidden'
    document.body.append(area)
    area.select()
    const copied = document.execCommand('copy')
    area.remove()
    return copied
  }
}

interface CopyButtonProps {
  readonly text: string
  /** What is copied, for people who do not see the button. */
  readonly label: string
  readonly isSmall?: boolean
}

export function CopyButton({ text, label, isSmall = false }: CopyButtonProps) {
  const [outcome, setOutcome] = useState<'none' | 'copied' | 'failed'>('none')
  useEffect(() => {
    if (outcome === 'none') return
    const timer = setTimeout(() => setOutcome('none'), 2_000)
    return () => clearTimeout(timer)
  }, [outcome])
  const words = { none: 'Copy', copied: 'Copied', failed: 'Press Ctrl-C' }[outcome]
  return (
    <button
      type="button"
      class={isSmall ? 'button button-quiet button-icon' : 'button'}
      aria-label={outcome === 'none' ? `Copy ${label}` : words}
      title={isSmall ? words : undefined}
      onClick={async () => setOutcome((await copyText(text)) ? 'copied' : 'failed')}
    >
      {outcome === 'copied' ? <DoneIcon /> : <CopyIcon />}
      {!isSmall && <span>{words}</span>}
      <span class="visually-hidden" role="status">
        {outcome === 'copied' ? 'Copied' : ''}
      </span>
    </button>
  )
}
