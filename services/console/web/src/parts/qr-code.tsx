import { useMemo } from 'preact/hooks'
import QRCode from 'qrcode'

/** Modules of quiet zone on each side, as the standard asks for. */
const quietModules = 4

/** One path of unit squares, so that the code stays sharp at any size. */
function pathOf(text: string): { path: string; size: number } {
  const { modules } = QRCode.create(text, { errorCorrectionLevel: 'M' })
  let path = ''
  for (let row = 0; row < modules.size; row += 1) {
    for (let column = 0; column < modules.size; column += 1) {
      if (modules.get(row, column)) path += `M${column + quietModules} ${row + quietModules}h1v1h-1z`
    }
  }
  return { path, size: modules.size + 2 * quietModules }
}

/** A QR code is dark on light in either theme: many readers know nothing else. */
export function QrCode({ text, fileName }: { text: string; fileName: string }) {
  const { path, size } = useMemo(() => pathOf(text), [text])
  const svg = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${size} ${size}" shape-rendering="crispEdges"><path fill="#fff" d="M0 0h${size}v${size}H0z"/><path d="${path}"/></svg>`
  return (
    <figure class="qr">
      <svg
        viewBox={`0 0 ${size} ${size}`}
        shape-rendering="crispEdges"
        role="img"
        aria-label={`QR code of ${text}`}
        data-testid="qr-code"
      >
        <path class="qr-paper" d={`M0 0h${size}v${size}H0z`} />
        <path class="qr-ink" d={path} />
      </svg>
      <figcaption>
        <a
          class="quiet-link"
          download={`${fileName}.svg`}
          href={`data:image/svg+xml,${encodeURIComponent(svg)}`}
        >
          Download SVG
        </a>
      </figcaption>
    </figure>
  )
}
