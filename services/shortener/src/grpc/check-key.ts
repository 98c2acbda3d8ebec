import {
  type CheckKeyRequest,
  type CheckKeyResponse,
  Role,
} from '@linkfleet/contracts/generated/linkfleet/links/v1/links'
import type { CredentialStore } from '../ports.ts'

const roleNumbers = {
  admin: Role.ADMIN,
  editor: Role.EDITOR,
  reader: Role.READER,
  anonymous: Role.UNSPECIFIED,
}

export function checkKey(credentials: CredentialStore) {
  return async ({ credential }: CheckKeyRequest): Promise<CheckKeyResponse> => {
    const caller = await credentials.checkNow(credential)
    if (caller === undefined) return { valid: false, role: Role.UNSPECIFIED, subject: '', expiresAtMs: 0 }
    const { role, subject, expiresAtMs } = caller
    return { valid: true, role: roleNumbers[role], subject, expiresAtMs: expiresAtMs ?? 0 }
  }
}
