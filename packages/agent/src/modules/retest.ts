import type { KnownModule } from './known-module.ts'

const longestRestMs = 20 * 60 * 1000

/**
 * Tests available modules again a number of hours after their last test; 0: only on request. A module that passed may
 * fail later because of a system library, a driver, or a full disk.
 */
export function keepRetesting(
  hours: number,
  modules: () => Iterable<KnownModule>,
  test: (module: KnownModule) => void,
  now: () => Date = () => new Date(),
): { close(): void } {
  const afterMs = hours * 3600 * 1000
  const look = () => {
    for (const module of modules()) {
      const tested = module.outcome?.healthCheck?.lastTested
      if (module.status === 'AVAILABLE' && tested && now().getTime() - Date.parse(tested) >= afterMs)
        test(module)
    }
  }
  const timer = afterMs > 0 ? setInterval(look, Math.min(afterMs, longestRestMs) / 2) : undefined
  return { close: () => clearInterval(timer) }
}
