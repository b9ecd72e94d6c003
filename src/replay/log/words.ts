// Which lines of a log are about the subject at all, so that nothing is denied that was only not understood.

/** Any word of DMA, bouncing, IOMMUs and coherent memory. */
const SUBJECT = new RegExp(
  String.raw`swiotlb|SWIOTLB|software IO TLB|SW-IOMMU|\bDMA\b|\bdma_|\bdma-|DMA-API|DMAR\b|` +
    String.raw`bounce ?buffer|\bbounc(?:e|ing)\b|\b[Ii][Oo][Mm][Mm][Uu]\b|SMMU|AMD-Vi|coherent|\bCMA\b|` +
    String.raw`\bcma[:_]|set_memory_(?:en|de)crypted`
)

/** What facts, messages and traces look for, in one test: most lines are passed by it. */
const OF_INTEREST = new RegExp(
  [
    'swiotlb|SWIOTLB|TLB|IOMMU|DMA|dma|iommu|SMMU|AMD-Vi|oheren|CMA|cma|ounc|set_memory|overflow|alloc|suppressed|pool',
    'Linux version|ommand line|Memory|\\[mem |node ' +
      '|nr_cpu|CPU|hotplug|[Hh]ot-?add|SEV|TDX|tdx|SME|RSI|KVM|pkvm' +
      '|ltravisor|protected|Hyper|ypervisor|paravirt|om0|Xen|xen',
    'DMI|Machine|Hardware|IB MEM|virtio_mem|PNP0C80|balloon|online_pages|crashkernel|secure',
    '\\+0x|\\.[chS]:\\d|BUG|WARN|Oops|oops|panic|Unable|Internal|fault|opcode|SAN|race|cut here|PID|RIP|pc ' +
      '|task|LOCKUP|stall|rcu|RCU|-- ',
    'ize of|of size'
  ].join('|')
)

/** Whether anything may read the line. */
export const ofInterest = (text: string): boolean => OF_INTEREST.test(text)

/** Lines with such a word that every healthy boot has. */
const ORDINARY = new RegExp(
  [
    '\\[mem 0x',
    '^\\s*DMA(?:32)?\\s+(?:\\[|empty)',
    'DMA(?:32)? zone',
    'zone:? DMA',
    'node 0 DMA',
    'On node \\d+, zone DMA',
    'Policy zone',
    'DMA: preallocated \\d+ KiB',
    'preallocated \\d+ KiB pool',
    'dma-coherent-memory',
    'iommu: (?:Default domain|DMA domain)',
    'Adding to iommu group',
    'DMAR: (?:Host address|DRHD|dmar|RMRR|ATSR|RHSA|IOMMU enabled|Intel|Enable|No|Using|IOMMU feature|IOMMU ' +
      'batching|Queued|x2apic|catalog)',
    'DMAR-IR',
    'ACPI: DMAR',
    'AMD-Vi: (?:Using|AMD IOMMU|Extended|Found|Interrupt|Virtual|X2APIC|Default)',
    'max UDMA',
    'UDMA/\\d+',
    'configured for U?DMA',
    'BM-DMA',
    'Ultra ?DMA',
    '\\bIRQ\\b.*DMA|DMA.*\\bchannels?\\b',
    'dmaengine',
    'DMA engine',
    'DMA controller',
    'DMA driver',
    'DMA map benchmark',
    'DMA mask',
    'dma_mask',
    'using \\d+-bit DMA',
    'DMA addressing',
    'DMA-coherent',
    'fsl-edma',
    'CMA(?:Total|Free)',
    'cma-reserved',
    'cma: (?:Reserved|Initial|dma_contiguous)',
    'Kernel command line',
    'Command line',
    'coherent (?:DMA )?mask',
    'Bounce',
    'pcie?\\d* .*coherent',
    'cache[- ]coherent',
    'CCN|CCI|cci:',
    'debug_dma|DMA-API: (?:preallocated|debugging)',
    'ioatdma|ioat:'
  ].join('|'),
  'i'
)

/** Words of something gone wrong: such a line is never ordinary. */
const TROUBLE = new RegExp(
  String.raw`\b(?:fail|error|err|unable|cannot|can't|could not|couldn't|overflow|exceed|reject|` +
    'invalid|timed? ?out|out of|no (?:space|room|memory)|full|leak|denied|fault|refus|BUG|' +
    'WARN|disabl|unsupported|not support|too (?:small|large|big)|exhaust|limit)',
  'i'
)

/** Whether a line is about the subject, and worth showing if nothing understands it. */
export const isSubject = (text: string): boolean => SUBJECT.test(text) && (TROUBLE.test(text) || !ORDINARY.test(text))

/** A line with its numbers, addresses and names of devices left out: lines of one shape are shown once. */
export const shape = (text: string): string => text.replace(/0x[0-9a-f]+|[0-9a-f]{6,}|\d+/gi, '#').slice(0, 160)

/** A line of trouble comes before one that only names the subject. */
export const isTrouble = (text: string): boolean => TROUBLE.test(text)

/** What drivers say when a mapping or allocation failed under them. */
const CONSEQUENCE = new RegExp(
  String.raw`(?:DMA|dma)[ _-]?(?:map(?:ping)?|alloc\w*|unmap\w*|setup|` +
    String.raw`buffer)?\w*(?: \w+){0,3} (?:fail\w*|error|returned zero)|(?:fail\w*|unable|cannot|can't|` +
    String.raw`could ?n[o']t) (?:to )?(?:\w+ ){0,4}(?:DMA|dma|coherent|IOMMU)|no (?:DMA|` +
    String.raw`coherent) memory|dma_\w+\(?\)?:? (?:fail|error|returned)`,
  'i'
)

/** Whether a line is a driver's own report of what the messages above explain. */
export const isConsequence = (text: string): boolean => CONSEQUENCE.test(text)
