// What dma-direct and swiotlb say in the log, for `run`. The reader's side (explain log) keeps its own patterns by version.
export const messages = {
  noPool: (dev: string): string => `${dev}: Can not allocate SWIOTLB buffer earlier and can't now provide you with the DMA bounce buffer`,
  full: (dev: string, size: number, total: number): string => `${dev}: swiotlb buffer is full (sz: ${size} bytes), total ${total} (slots)`
}
