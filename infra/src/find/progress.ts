const everyMs = 5000

/** Says every few seconds that `work` still goes on, and for how long. */
export async function withProgress<T>(
  name: string,
  report: (line: string) => void,
  work: () => Promise<T>,
): Promise<T> {
  const began = Date.now()
  const seconds = () => `${Math.round((Date.now() - began) / 1000)} s`
  report(`${name}: building it (once; minutes on a small machine)`)
  const timer = setInterval(() => report(`${name}: still building, ${seconds()}`), everyMs)
  try {
    const result = await work()
    report(`${name}: built in ${seconds()}`)
    return result
  } finally {
    clearInterval(timer)
  }
}
