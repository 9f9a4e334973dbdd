/** A platform as the pinned wheels know it, e.g. `linux-x64`, `linux-arm64-musl`, `darwin-arm64`, `win32-x64`. */
export function platformKey(): string {
  const libc = process.platform === 'linux' && !usesGlibc() ? '-musl' : ''
  return `${process.platform}-${process.arch}${libc}`
}

function usesGlibc(): boolean {
  const report: unknown = process.report.getReport()
  if (!report || typeof report !== 'object' || !('header' in report)) return true
  const { header } = report
  return !!header && typeof header === 'object' && 'glibcVersionRuntime' in header
}

/** The file name of a program: `nats-server`, on Windows `nats-server.exe`. */
export const executable = (name: string): string => (process.platform === 'win32' ? `${name}.exe` : name)
