import { useEffect, useState } from 'preact/hooks'
import { LocationProvider, Route, Router, useLocation } from 'preact-iso'
import { api, type LoginView } from './api.ts'
import { CreatePage } from './pages/create.tsx'
import { FleetPage } from './pages/fleet.tsx'
import { LinkPage } from './pages/link.tsx'
import { LinksPage } from './pages/links.tsx'
import { LoginPage } from './pages/login.tsx'
import { NotFoundPage } from './pages/not-found.tsx'
import { ReportPage } from './pages/report.tsx'
import { SloPage } from './pages/slo.tsx'
import { CreateIcon, FleetIcon, LeaveIcon, LinksIcon, MoonIcon, SloIcon, SunIcon } from './parts/icons.tsx'
import { Mark } from './parts/mark.tsx'
import { Failed, Loading } from './parts/states.tsx'
import { chooseTheme, useTheme } from './parts/theme.ts'
import { SessionContext } from './session.ts'
import { sessionEnded, useLoad } from './use-load.ts'

const places = [
  { path: '/', label: 'Create', Icon: CreateIcon },
  { path: '/links', label: 'Links', Icon: LinksIcon },
  { path: '/slo', label: 'SLO', Icon: SloIcon },
  { path: '/fleet', label: 'Fleet', Icon: FleetIcon },
] as const

export function App() {
  return (
    <LocationProvider>
      <Frame />
    </LocationProvider>
  )
}

function Frame() {
  const session = useLoad('session', api.session)
  const [hasEnded, setHasEnded] = useState(false)
  useEffect(() => {
    const end = () => setHasEnded(true)
    sessionEnded.addEventListener('ended', end)
    return () => sessionEnded.removeEventListener('ended', end)
  }, [])
  const login = hasEnded ? null : session.data
  return (
    <>
      <a class="skip-link" href="#content">
        Skip to content
      </a>
      <Head login={login} onLeft={() => setHasEnded(true)} />
      <main id="content" tabIndex={-1}>
        {login !== null ? (
          <SessionContext.Provider value={login}>
            <Pages />
          </SessionContext.Provider>
        ) : hasEnded || session.failure?.status === 401 ? (
          <LoginPage />
        ) : session.failure !== null ? (
          <Failed failure={session.failure} retry={session.reload} />
        ) : (
          <Loading label="Opening the console" lines={4} />
        )}
      </main>
    </>
  )
}

function Pages() {
  return (
    <Router onRouteChange={() => document.getElementById('content')?.focus({ preventScroll: true })}>
      <Route path="/" component={CreatePage} />
      <Route path="/login" component={CreatePage} />
      <Route path="/links" component={LinksPage} />
      <Route path="/links/:code" component={LinkPage} />
      <Route path="/slo" component={SloPage} />
      <Route path="/slo/report" component={ReportPage} />
      <Route path="/fleet" component={FleetPage} />
      <Route default component={NotFoundPage} />
    </Router>
  )
}

function Head({ login, onLeft }: { login: LoginView | null; onLeft: () => void }) {
  const { path } = useLocation()
  return (
    <header class="head">
      <a class="brand" href="/" aria-label="linkfleet, start page">
        <Mark />
        <span class="brand-name">linkfleet</span>
      </a>
      {login !== null && (
        <nav class="places" aria-label="Pages">
          {places.map((place) => {
            const isHere = place.path === '/' ? path === '/' : path.startsWith(place.path)
            return (
              <a key={place.path} href={place.path} aria-current={isHere ? 'page' : undefined}>
                <place.Icon />
                <span>{place.label}</span>
              </a>
            )
          })}
        </nav>
      )}
      <div class="head-tools">
        {login !== null && <span class="role">{login.role}</span>}
        <ThemeSwitch />
        {login !== null && <LeaveButton onLeft={onLeft} />}
      </div>
    </header>
  )
}

function ThemeSwitch() {
  const theme = useTheme()
  const other = theme === 'dark' ? 'light' : 'dark'
  return (
    <button
      type="button"
      class="button button-quiet button-icon"
      aria-label={`Use the ${other} theme`}
      onClick={() => chooseTheme(other)}
    >
      {theme === 'dark' ? <SunIcon /> : <MoonIcon />}
    </button>
  )
}

function LeaveButton({ onLeft }: { onLeft: () => void }) {
  return (
    <button
      type="button"
      class="button button-quiet button-icon"
      aria-label="Log out"
      title="Log out"
      onClick={async () => {
        // The cookie is gone with the answer, whatever the shortener said.
        await api.logOut().catch(() => undefined)
        onLeft()
      }}
    >
      <LeaveIcon />
    </button>
  )
}
