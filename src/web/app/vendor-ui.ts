// What the pages take of Preact: bundled on its own with short names, which the engine must not have
// (docs/decisions/0008-names-in-the-page.md).
export { Fragment, render } from 'preact'
export { jsx, jsxs } from 'preact/jsx-runtime'
export { useEffect, useRef } from 'preact/hooks'
export { batch, computed, effect, signal } from '@preact/signals'
