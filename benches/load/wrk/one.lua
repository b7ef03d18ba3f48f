-- Requests in the format of Caddy's forward_auth, all with the token in the argument after `--`.
function init(args)
  local headers = wrk.headers
  headers["Accept-Encoding"] = "gzip"
  headers["Authorization"] = "Bearer " .. args[1]
  headers["User-Agent"] = "curl/8.14.1"
  headers["Via"] = "1.1 Caddy"
  headers["X-Forwarded-For"] = "192.0.2.7"
  headers["X-Forwarded-Host"] = "acme.crm.example.com"
  headers["X-Forwarded-Method"] = "GET"
  headers["X-Forwarded-Proto"] = "https"
  headers["X-Forwarded-Uri"] = "/contacts?page=2"
end

function done(summary, latency)
  local errors = summary.errors
  io.write(string.format(
    '\n{"requests": %d, "micros": %d, "failed": %d, "p50": %d, "p99": %d}\n',
    summary.requests, summary.duration,
    errors.connect + errors.read + errors.write + errors.status + errors.timeout,
    latency:percentile(50), latency:percentile(99)))
end
