/** Shows on the terminal what services log from now on, in words. */
import { LogFollower } from './follow-log.ts'
import { createReadable, type ReadableOptions } from './readable-log.ts'

const lookEveryMs = 300

export function showLogs(
  files: readonly string[],
  options: ReadableOptions,
  show: (text: string) => void,
): Disposable {
  const readable = createReadable(options)
  const followers = files.map((file) => new LogFollower(file))
  const look = () => {
    for (const follower of followers) {
      for (const line of follower.read()) {
        const text = readable(line)
        if (text !== undefined) show(text)
      }
    }
  }
  const timer = setInterval(look, lookEveryMs)
  return {
    [Symbol.dispose]() {
      clearInterval(timer)
      look()
    },
  }
}
