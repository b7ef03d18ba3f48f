# OpenBao on one machine, with integrated storage and a static seal. Only the first start applies
# initialize.hcl.

api_addr     = "http://openbao:8200"
cluster_addr = "http://openbao:8201"
ui           = true

storage "raft" {
  path                   = "/openbao/file"
  node_id                = "openbao"
  performance_multiplier = "1"
}

# Without TLS: only services on this stack's own network connect directly. Caddy proxies all other
# clients.
listener "tcp" {
  address         = "0.0.0.0:8200"
  cluster_address = "0.0.0.0:8201"
  tls_disable     = true

  telemetry {
    unauthenticated_metrics_access = true
  }
}

# The key file and the storage together reveal all secrets. Keep a copy of the key file, separate from
# the backups.
seal "static" {
  current_key_id = "2026"
  current_key    = "file:///keys/seal/key"
}

# Records every request and response, with secrets as keyed hashes. OpenBao rejects all requests while
# it cannot write to the log. Accessors are not hashed, so that the requests of a token can be found.
audit "file" "log" {
  options {
    file_path     = "/openbao/logs/audit.log"
    hmac_accessor = "false"
  }
}

telemetry {
  prometheus_retention_time = "12h"
  disable_hostname          = true
}
