import type { Gpu } from '@millrace/shared/for-agents'
import { z } from 'zod'
import { missingPart, stderrTailOf } from '../steps/diagnose.ts'
import type { RunStep } from '../steps/run-step.ts'

/** PyTorch's description of itself and of its GPU; `torch` is `null` where it is not installed. */
const Torch = z.object({
  torch: z.string().nullable(),
  built: z.string().nullable().describe('CUDA or ROCm version it was built for; null: for the CPU'),
  sees: z.boolean(),
  architectures: z.array(z.string()).describe('sm_90, compute_90 …'),
  capability: z.tuple([z.number(), z.number()]).nullable(),
})
export type Torch = z.infer<typeof Torch>

const limitSeconds = 120
const question = `
import json
said = {"status": "success", "torch": None, "built": None, "sees": False, "architectures": [], "capability": None}
try:
    import torch
    said["torch"] = torch.__version__
    said["built"] = torch.version.cuda or getattr(torch.version, "hip", None)
    said["sees"] = torch.cuda.is_available()
    if said["sees"]:
        said["architectures"] = torch.cuda.get_arch_list()
        said["capability"] = torch.cuda.get_device_capability(0)
except ModuleNotFoundError as error:
    if error.name != "torch":
        raise
print(json.dumps(said))
`

/**
 * Checks the GPU with the environment's framework before the module's own test, which might pass on the CPU and
 * take minutes instead of seconds. Returns the fault, or `null`; frameworks other than PyTorch are not checked.
 */
export async function gpuFault(o: {
  python: string
  cwd: string
  env: Record<string, string>
  gpu: Gpu
  run: RunStep
}): Promise<string | null> {
  const end = await o.run({
    command: o.python,
    args: ['-c', question],
    cwd: o.cwd,
    env: o.env,
    timeoutSeconds: limitSeconds,
  })
  const said = Torch.safeParse(JSON.parse(end.lastJsonLine ?? 'null'))
  if (end.exitCode === 0 && said.success) return judgeTorch(said.data, o.gpu)
  return (
    missingPart(end.stderrTail) ??
    `PyTorch cannot be loaded: ${stderrTailOf(end) || `exit code ${end.exitCode}`}`
  )
}

export function judgeTorch(said: Torch, gpu: Gpu): string | null {
  if (said.torch === null) return null
  const torch = `PyTorch ${said.torch}`
  if (said.built === null)
    return `${torch} is built for the CPU only, and would leave ${gpu.name} idle: let the agent choose the build (no index or "+cpu" in the requirements), or set MILLRACE_TORCH_BACKEND`
  if (!said.sees || !said.capability)
    return `${torch}, built for ${said.built}, does not see ${gpu.name}: update the driver (${gpu.driverVersion ?? 'unknown'}), or choose an older build by MILLRACE_TORCH_BACKEND`
  const [major, minor] = said.capability
  if (said.architectures.some((one) => runsOn(one, major, minor))) return null
  return `${torch} has no code for ${gpu.name} (sm_${major}${minor}), only for ${said.architectures.join(', ')}: a newer PyTorch is needed`
}

/** Binary code runs on its major version from its minor version on; intermediate code (`compute_…`) on all later ones. */
function runsOn(architecture: string, major: number, minor: number): boolean {
  const [, kind, digits] = /^(sm|compute)_(\d+)a?$/.exec(architecture) ?? []
  if (!digits) return false
  const [itsMajor, itsMinor] = [Number(digits.slice(0, -1)), Number(digits.slice(-1))]
  if (kind === 'compute') return itsMajor < major || (itsMajor === major && itsMinor <= minor)
  return itsMajor === major && itsMinor <= minor
}
