// Kernels whose version number does not say what is in them: vendors that carry fixes and features of later releases.
// One row a vendor; the first that fits the version string, or the whole "Linux version" line, is meant.

export interface VendorKernel {
  readonly vendor: string
  /** Found in the release string or in the banner. */
  readonly pattern: RegExp
  /** What rules and fixes by mainline version are worth there. */
  readonly caveat: string
}

const UBUNTU_FLAVOURS = [
  ...['generic', 'azure(?:-fde)?', 'gcp', 'aws', 'oracle', 'kvm', 'lowlatency', 'intel\\w*', 'raspi', 'nvidia\\w*'],
  ...['ibm', 'gke\\w*', 'oem', 'realtime']
]
const BACKPORTS = 'carries fixes, and parts of features, of later releases'

export const vendorKernels: readonly VendorKernel[] = [
  { vendor: 'Oracle UEK', pattern: /\.el\d+uek\b/, caveat: `an Oracle UEK kernel ${BACKPORTS}: its changelog decides` },
  {
    vendor: 'RHEL',
    pattern: /\.el(?:7|8|9|10)(?:[._]\d+)*\b/,
    caveat:
      'a RHEL kernel (and CentOS, Rocky, Alma): the number is that of the first release only. swiotlb, SEV and ' +
      'TDX code of far later mainline is in it; rpm -q --changelog decides'
  },
  {
    vendor: 'Azure Linux',
    pattern: /\.(?:azl\d|cm\d)\b/,
    caveat: `an Azure Linux kernel ${BACKPORTS} for its confidential guests`
  },
  {
    vendor: 'Amazon Linux',
    pattern: /\.amzn(?:1|2|2023)\b/,
    caveat: `an Amazon Linux kernel ${BACKPORTS}: rpm -q --changelog decides`
  },
  {
    vendor: 'Ubuntu',
    pattern: new RegExp(`-\\d+(?:\\.\\d+)*-(?:${UBUNTU_FLAVOURS.join('|')})\\b|\\(Ubuntu `),
    caveat:
      `an Ubuntu kernel ${BACKPORTS} (the clouds' flavours most of all); the number behind its banner, such as ` +
      '6.8.12, is the stable release that it is based on, and its changelog decides'
  },
  {
    vendor: 'COS',
    pattern: /Chromium OS|cos-\d|-cos\b/,
    caveat: `Google's Container-Optimized OS ${BACKPORTS} for its confidential guests`
  },
  {
    vendor: 'SUSE',
    pattern: /-\d{6}\.\d+(?:\.\d+)*-(?:default|azure|rt)\b|SUSE Linux/,
    caveat: 'a SUSE kernel carries features of later mainline: rpm -q --changelog decides'
  },
  {
    vendor: 'openEuler',
    pattern: /\.oe\d+\w*\b|\.(?:al8|an8|tl3|tl4)\b/,
    caveat: `an openEuler, Anolis or Alibaba kernel ${BACKPORTS}`
  },
  { vendor: 'Android', pattern: /-android\d+-/, caveat: `an Android common kernel ${BACKPORTS}, pKVM most of all` },
  {
    vendor: 'Raspberry Pi',
    pattern: /-v(?:7l?|8)(?:-16k)?\+|\+rpt-rpi|-rpi-v?\d/,
    caveat: 'a Raspberry Pi kernel has drivers, device trees and dma-ranges of its own'
  },
  {
    vendor: 'board vendor',
    pattern: /-(?:tegra|rockchip|imx|xilinx|bsp|meson64|sunxi64|asahi|linux4microchip)\b|\+fpga-/,
    caveat: "a board vendor's kernel may differ from mainline in drivers, device trees and backports"
  }
]

/** The vendor whose kernel this is; null for mainline, Debian and what is not known. */
export const vendorOf = (version: string): VendorKernel | null =>
  vendorKernels.find((v) => v.pattern.test(version)) ?? null
