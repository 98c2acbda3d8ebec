import { closeSync, fstatSync, openSync, readSync } from 'node:fs'

/** The last bytes of a file as text; empty when there is no such file. */
export function readTail(file: string, bytesMax: number): string {
  let fd: number
  try {
    fd = openSync(file, 'r')
  } catch {
    return ''
  }
  try {
    const size = fstatSync(fd).size
    const start = Math.max(0, size - bytesMax)
    const buffer = Buffer.alloc(size - start)
    const read = readSync(fd, buffer, 0, buffer.length, start)
    return buffer.toString('utf8', 0, read)
  } finally {
    closeSync(fd)
  }
}
