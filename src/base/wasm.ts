// The part of the WebAssembly API that is used here, typed: the compiler's own libraries have it only together with the
// DOM.

export interface WasmModule {
  readonly [Symbol.toStringTag]: string
}
export interface WasmMemory {
  readonly buffer: ArrayBuffer
  grow(pages: number): number
}
export interface WasmGlobal {
  value: unknown
}
export interface WasmInstance {
  readonly exports: Readonly<Record<string, unknown>>
}

interface Api {
  readonly Module: {
    new (bytes: Uint8Array): WasmModule
    imports(m: WasmModule): Array<{ module: string; name: string; kind: string }>
    exports(m: WasmModule): Array<{ name: string; kind: string }>
    customSections(m: WasmModule, name: string): ArrayBuffer[]
  }
  readonly Instance: new (
    m: WasmModule,
    imports?: Readonly<Record<string, Readonly<Record<string, unknown>>>>
  ) => WasmInstance
  readonly RuntimeError: new (message?: string) => Error
}

export const Wasm: Api = (globalThis as unknown as { readonly WebAssembly: Api }).WebAssembly
