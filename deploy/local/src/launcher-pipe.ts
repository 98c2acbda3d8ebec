/** The launcher holds the other end of a pipe: it closes when the launcher is killed without a word. */
import { Socket } from 'node:net'

export function onLauncherGone(gone: () => void, env: NodeJS.ProcessEnv = process.env): void {
  const fd = Number(env.LAUNCHER_FD ?? Number.NaN)
  if (!Number.isInteger(fd)) return
  const pipe = new Socket({ fd, readable: true, writable: false })
  pipe.on('error', gone)
  pipe.on('close', gone)
  pipe.resume()
  pipe.unref()
}
