import { useEffect, useState } from 'preact/hooks'

export type Theme = 'light' | 'dark'

const systemDark = matchMedia('(prefers-color-scheme: dark)')
const changed = new EventTarget()

export function currentTheme(): Theme {
  const chosen = document.documentElement.dataset.theme
  if (chosen === 'light' || chosen === 'dark') return chosen
  return systemDark.matches ? 'dark' : 'light'
}

export function chooseTheme(theme: Theme): void {
  document.documentElement.dataset.theme = theme
  try {
    localStorage.setItem('linkfleet-theme', theme)
  } catch {
    // Without storage the choice holds until the page is left.
  }
  changed.dispatchEvent(new Event('change'))
}

systemDark.addEventListener('change', () => changed.dispatchEvent(new Event('change')))

export function useTheme(): Theme {
  const [theme, setTheme] = useState(currentTheme)
  useEffect(() => {
    const update = () => setTheme(currentTheme())
    changed.addEventListener('change', update)
    return () => changed.removeEventListener('change', update)
  }, [])
  return theme
}
