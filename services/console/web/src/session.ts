import { createContext } from 'preact'
import { useContext } from 'preact/hooks'
import type { LoginView } from './api.ts'

export const SessionContext = createContext<LoginView>({ role: '', expiresAt: '', publicUrl: '' })

export function useSession(): LoginView {
  return useContext(SessionContext)
}

export function mayWrite(login: LoginView): boolean {
  return login.role !== 'reader'
}
