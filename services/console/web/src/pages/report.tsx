import { useLocation } from 'preact-iso'
import { api, type ReportView } from '../api.ts'
import { Failed, Loading } from '../parts/states.tsx'
import { useLoad } from '../use-load.ts'
import { useTitle } from './title.ts'

const today = () => new Date().toISOString().slice(0, 10)

/** What one UTC day kept of its promises, as it would be sent to a customer. */
export function ReportPage() {
  useTitle('Report of a day')
  const { query, route } = useLocation()
  const day = query.day ?? today()
  const loaded = useLoad(`report ${day}`, () => api.readReport(day))
  // An answer for another day than the one asked for is no answer.
  const shown = loaded.data?.report.day === day ? loaded.data : null
  return (
    <div class="page report-page">
      <div class="section-head">
        <h1>Report of a day</h1>
        <label class="report-day">
          Day (UTC){' '}
          <input
            type="date"
            class="input"
            value={day}
            max={today()}
            onChange={({ currentTarget }) => {
              if (currentTarget.value !== '') route(`/slo/report?day=${currentTarget.value}`)
            }}
          />
        </label>
      </div>
      {shown !== null ? (
        <Report view={shown} />
      ) : loaded.failure !== null ? (
        <Failed failure={loaded.failure} retry={loaded.reload} />
      ) : (
        <Loading label="Reading the day" lines={6} />
      )}
    </div>
  )
}

function Report({ view: { report, text } }: { view: ReportView }) {
  const fileOf = (format: string) => `/api/console/slo/report?day=${report.day}&format=${format}`
  return (
    <>
      {text.sections.map(({ heading, sentences, table }) => (
        <section key={heading} class="card report-section" aria-label={heading}>
          <h2>{heading}</h2>
          {sentences.map((sentence) => (
            <p key={sentence}>{sentence}</p>
          ))}
          {table !== undefined && (
            <div class="report-table">
              <table>
                <thead>
                  <tr>
                    {table.head.map((name) => (
                      <th key={name} scope="col">
                        {name}
                      </th>
                    ))}
                  </tr>
                </thead>
                <tbody>
                  {table.rows.map((row) => (
                    <tr key={row.join(' ')}>
                      {row.map((cell, column) => (
                        <td key={table.head[column]}>{cell}</td>
                      ))}
                    </tr>
                  ))}
                </tbody>
              </table>
            </div>
          )}
        </section>
      ))}
      <p class="muted small">
        To keep: <a href={fileOf('markdown')}>Markdown</a>, <a href={fileOf('html')}>HTML</a>,{' '}
        <a href={fileOf('json')}>JSON</a>.
      </p>
    </>
  )
}
