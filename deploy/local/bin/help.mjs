// What `--help` prints, for all commands or for one.
const start = `npm start -- [options]      bring the whole fleet up on this machine, engines included
    --detach                return once everything is ready, and leave it running
    --home DIR              where data, logs and keys are kept           (.linkfleet)
    --port-base N           first public port; every other moves with it (8080)
    --host ADDRESS          where the public HTTP ports listen           (127.0.0.1)
    --public-url URL        what short URLs and QR codes show            (http://localhost:<port base>)
    --scale NAME=N          run N instances of a service, at most 5; may be repeated
    --show-logs LEVEL       debug, info, warn, error or none: what services log, in words (warn)
    --brokers 1|3           Kafka brokers; belongs to the data of a home (1)`

const texts = {
  start,
  status: `npm run status -- [--home DIR]      what runs, and how healthy it is`,
  stop: `npm run stop -- [--home DIR]        stop a fleet, services first, keeping its data`,
  demo: `npm run demo -- [options]   fifty links and lively traffic, so that every chart has something to show
    --minutes N             how long the traffic lasts                   (3)
    --home DIR              the fleet to use; it must be running         (.linkfleet)`,
  test: `npm test -- [vitest arguments]      the tests, on real engines and in a real browser
    npm test -- --all                   also those that take minutes each
    npm test -- --project unit          only those that need nothing
    npm test -- services/redirect       only those whose path matches`,
  check: `npm run check -- [step …]   types, lint, format, layers, protocol files; --list names the steps`,
  bench: `npm run bench -- <ids|shortener|redirect|overload|analytics|l1> [--part NAME] [--seconds N] [--links N]
    [--connections N] [--rate N] [--json] [--cpu-prof DIR]      measurements against the targets, on engines and services of their own`,
  load: `npm run load -- <smoke|steady|spike|soak|breakpoint> [options]     a k6 scenario against a fleet
    --rate N                redirects per second, and a tenth as many creates (20)
    --duration TIME         such as 30s, 2m or 1h                        (10s)
    --links N               links that are created and followed          (1000)
    --report FILE           k6's HTML report                             (load/<scenario>.html in --home)
    --base-url URL, --api-url URL, --stats-url URL   redirect, shortener and analytics (those of the fleet in --home)
    --key KEY               an API key; the fleet of one machine needs none
    --home DIR              a fleet of npm start                         (.linkfleet)`,
  slo: `npm run slo -- report [options]     what a UTC day kept of its promises, and what is owed for it
    --day YYYY-MM-DD        the day                                      (today, so far)
    --format FORMAT         markdown, html or json                       (markdown)
    --out FILE              where to write it                            (standard output)
    --prometheus URL        who has the numbers                          (the fleet in --home)
    --home DIR              a fleet of npm start                         (.linkfleet)
npm run slo -- generate [--check]   rules, dashboards and documents from deploy/slo`,
  analytics: `npm run analytics -- rebuild [options]      count all clicks anew from the archive (ARCHIVE_URL), then swap
    --trial                 count, compare, and leave the live counts as they are
    --allow-gaps            go on without records that are in neither archive nor Kafka
    --allow-fewer           swap although the new counts are fewer
npm run analytics -- dead-letters list | replay all | replay ID…      messages that could not be read
    --home DIR              a fleet of npm start, unless DATABASE_URL and KAFKA_BROKERS name engines   (.linkfleet)`,
}

const environment = `Environment: DATABASE_URL, DATABASE_REPLICA_URLS, REDIS_URL, KAFKA_BROKERS and PROMETHEUS_URL name engines to use
instead of local ones; LINKFLEET_CACHE is where fetched programs are kept; any other option of a service, such as
LOG_LEVEL or ALLOW_PRIVATE_TARGETS, is passed on to it.`

export function help(command) {
  if (command) return `${texts[command]}\n\n${environment}`
  return `linkfleet, a URL shortener on one machine\n\n${Object.values(texts).join('\n\n')}\n\n${environment}`
}
