// Generated from deploy/slo by `npm run slo -- generate`. Change the objectives, not this file.
import type { ServiceLevelAgreement, Slo } from '../objective.ts'

export const slos: readonly Slo[] = [
  {
    "id": "analytics-click-freshness-1d",
    "service": "analytics",
    "title": "Clicks counted within 5 s, each day",
    "description": "During 99 % of each day, every click in Kafka is in the statistics within 5 s.",
    "period": "1d",
    "target": 0.99,
    "indicator": {
      "kind": "threshold",
      "query": "max(analytics_oldest_unapplied_click_age_seconds)",
      "op": "lte",
      "value": 5
    }
  },
  {
    "id": "analytics-click-freshness-30d",
    "service": "analytics",
    "title": "Clicks counted within 5 s, over 30 days",
    "description": "During 99 % of 30 days, every click in Kafka is in the statistics within 5 s.",
    "period": "30d",
    "target": 0.99,
    "indicator": {
      "kind": "threshold",
      "query": "max(analytics_oldest_unapplied_click_age_seconds)",
      "op": "lte",
      "value": 5
    }
  },
  {
    "id": "id-generator-code-supply-1d",
    "service": "id-generator",
    "title": "Codes at hand, each day",
    "description": "During 99 % of each day, every shortener has at least 100 generated codes ready.",
    "period": "1d",
    "target": 0.99,
    "indicator": {
      "kind": "threshold",
      "query": "min(shortener_code_pool_codes + 100 * (time() - process_start_time_seconds < bool 60))",
      "op": "gte",
      "value": 100
    }
  },
  {
    "id": "id-generator-code-supply-30d",
    "service": "id-generator",
    "title": "Codes at hand, over 30 days",
    "description": "During 99 % of 30 days, every shortener has at least 100 generated codes ready.",
    "period": "30d",
    "target": 0.99,
    "indicator": {
      "kind": "threshold",
      "query": "min(shortener_code_pool_codes + 100 * (time() - process_start_time_seconds < bool 60))",
      "op": "gte",
      "value": 100
    }
  },
  {
    "id": "redirect-requests-1d",
    "service": "redirect",
    "title": "Redirect answers within 200 ms, each day",
    "description": "Of each day's requests, 99.9 % are answered without a server error within 200 ms.",
    "period": "1d",
    "target": 0.999,
    "indicator": {
      "kind": "ratio",
      "good": "http_request_duration_seconds_bucket{service=\"redirect\",le=\"0.2\",code!~\"5..\",route!~\"/.well-known/linkfleet-probe.*|/:protectedCode\"}",
      "total": "http_request_duration_seconds_count{service=\"redirect\",route!~\"/.well-known/linkfleet-probe.*|/:protectedCode\"}",
      "thresholdSeconds": 0.2,
      "excludedRoutes": "/.well-known/linkfleet-probe.*|/:protectedCode"
    }
  },
  {
    "id": "redirect-requests-30d",
    "service": "redirect",
    "title": "Redirect answers within 200 ms, over 30 days",
    "description": "Of the requests of 30 days, 99.9 % are answered without a server error within 200 ms.",
    "period": "30d",
    "target": 0.999,
    "indicator": {
      "kind": "ratio",
      "good": "http_request_duration_seconds_bucket{service=\"redirect\",le=\"0.2\",code!~\"5..\",route!~\"/.well-known/linkfleet-probe.*|/:protectedCode\"}",
      "total": "http_request_duration_seconds_count{service=\"redirect\",route!~\"/.well-known/linkfleet-probe.*|/:protectedCode\"}",
      "thresholdSeconds": 0.2,
      "excludedRoutes": "/.well-known/linkfleet-probe.*|/:protectedCode"
    }
  },
  {
    "id": "shortener-requests-1d",
    "service": "shortener",
    "title": "Shortener answers within 200 ms, each day",
    "description": "Of each day's requests, 99.9 % are answered without a server error within 200 ms.",
    "period": "1d",
    "target": 0.999,
    "indicator": {
      "kind": "ratio",
      "good": "http_request_duration_seconds_bucket{service=\"shortener\",le=\"0.2\",code!~\"5..\",route!~\"/api/v1/links/bulk|/api/v1/(exports|imports|titles)(/.*)?|.*/live\"}",
      "total": "http_request_duration_seconds_count{service=\"shortener\",route!~\"/api/v1/links/bulk|/api/v1/(exports|imports|titles)(/.*)?|.*/live\"}",
      "thresholdSeconds": 0.2,
      "excludedRoutes": "/api/v1/links/bulk|/api/v1/(exports|imports|titles)(/.*)?|.*/live"
    }
  },
  {
    "id": "shortener-requests-30d",
    "service": "shortener",
    "title": "Shortener answers within 200 ms, over 30 days",
    "description": "Of the requests of 30 days, 99.9 % are answered without a server error within 200 ms.",
    "period": "30d",
    "target": 0.999,
    "indicator": {
      "kind": "ratio",
      "good": "http_request_duration_seconds_bucket{service=\"shortener\",le=\"0.2\",code!~\"5..\",route!~\"/api/v1/links/bulk|/api/v1/(exports|imports|titles)(/.*)?|.*/live\"}",
      "total": "http_request_duration_seconds_count{service=\"shortener\",route!~\"/api/v1/links/bulk|/api/v1/(exports|imports|titles)(/.*)?|.*/live\"}",
      "thresholdSeconds": 0.2,
      "excludedRoutes": "/api/v1/links/bulk|/api/v1/(exports|imports|titles)(/.*)?|.*/live"
    }
  }
]

export const agreement: ServiceLevelAgreement = {
  "name": "public-links",
  "description": "Of the requests of each UTC day, at least 99.5 % are answered without a server error within 200 ms, counted as the objectives of redirect and shortener count. The service with the lower share decides. A day on which a service had fewer than 100 requests is not judged by that service.",
  "services": [
    "redirect",
    "shortener"
  ],
  "promised": 0.995,
  "requestsMin": 100,
  "credits": [
    {
      "below": 0.995,
      "percent": 10
    },
    {
      "below": 0.99,
      "percent": 25
    },
    {
      "below": 0.95,
      "percent": 100
    }
  ]
}
