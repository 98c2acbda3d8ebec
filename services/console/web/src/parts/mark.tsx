/** The mark: the signal flags L and F on one hoist, and the name as a chart writes the name of a water. */
export function Mark() {
  return (
    <svg class="mark" viewBox="0 0 26 34" aria-hidden="true">
      <path d="M2 1v32" stroke="currentColor" stroke-width="2" stroke-linecap="round" />
      <path d="M5 2h9v6H5zM14 8h9v6h-9z" class="flag-yellow" />
      <path d="M14 2h9v6h-9zM5 8h9v6H5z" class="flag-dark" />
      <path d="M5 18h18v12H5z" class="flag-white" />
      <path d="m14 18.5 8.5 5.5-8.5 5.5L5.5 24z" class="flag-red" />
    </svg>
  )
}

const ringCount = 9
const pointsPerRing = 48

/** One depth contour: a circle that three slow waves pull out of round, wider at each depth. */
function contour(ring: number): string {
  const points = Array.from({ length: pointsPerRing }, (_, index) => {
    const angle = (index / pointsPerRing) * 2 * Math.PI
    const wave =
      Math.sin(3 * angle + 0.6) * 0.16 +
      Math.sin(2 * angle - ring * 0.22) * 0.13 +
      Math.sin(5 * angle + ring * 0.4) * 0.045
    const radius = (34 + ring * 27) * (1 + wave)
    return `${(300 + Math.cos(angle) * radius * 1.5).toFixed(1)},${(210 + Math.sin(angle) * radius * 0.82).toFixed(1)}`
  })
  return `M${points.join('L')}Z`
}

/** Depth contours behind a page's head. Nothing but ornament. */
export function Contours() {
  return (
    <svg class="contours" viewBox="0 0 600 420" preserveAspectRatio="xMidYMid slice" aria-hidden="true">
      {Array.from({ length: ringCount }, (_, ring) => (
        <path key={ring} d={contour(ring)} style={{ opacity: 1 - ring / (ringCount + 3) }} />
      ))}
    </svg>
  )
}
