# OpenBao on one machine: integrated storage and a static seal. The first start applies
# initialize.hcl; later starts skip it.

api_addr     = "http://openbao:8200"
cluster_addr = "http://openbao:8201"
ui           = true

storage "raft" {
  path                   = "/openbao/file"
  node_id                = "openbao"
  performance_multiplier = "1"
}

# Plain: it listens on the network of this stack's own services, and Caddy proxies all
# other clients.
listener "tcp" {
  address         = "0.0.0.0:8200"
  cluster_address = "0.0.0.0:8201"
  tls_disable     = true

  telemetry {
    unauthenticated_metrics_access = true
  }
}

# This file and the storage together reveal all secrets: keep a copy apart from the backups.
seal "static" {
  current_key_id = "2026"
  current_key    = "file:///keys/seal/key"
}

# Every request and answer, secrets as keyed hashes. OpenBao responds to no request while it cannot write
# this. Accessors are left readable, so that what a token did can be found.
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
