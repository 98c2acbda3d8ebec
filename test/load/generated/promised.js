// Generated from deploy/slo by `npm run slo -- generate`. Change the objectives, not this file.
export const promised = {
  "redirect": {
    "target": 0.999,
    "thresholdMs": 200
  },
  "shortener": {
    "target": 0.999,
    "thresholdMs": 200
  }
}
