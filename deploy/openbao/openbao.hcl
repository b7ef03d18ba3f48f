# OpenBao on one machine: storage and unsealing without anybody's hand. The first start makes what
# initialize.hcl says; later ones skip it.

api_addr     = "http://openbao:8200"
cluster_addr = "http://openbao:8201"
ui           = true

storage "raft" {
  path                   = "/openbao/file"
  node_id                = "openbao"
  performance_multiplier = "1"
}

# Plain: it listens on the network of this stack's own services, and Caddy is in front of it for
# everybody else.
listener "tcp" {
  address         = "0.0.0.0:8200"
  cluster_address = "0.0.0.0:8201"
  tls_disable     = true

  telemetry {
    unauthenticated_metrics_access = true
  }
}

# Whoever has this file and the storage has everything: keep a copy apart from the backups.
seal "static" {
  current_key_id = "2026"
  current_key    = "file:///keys/seal/key"
}

# Every request and answer, secrets as keyed hashes. OpenBao answers nobody while it cannot write
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
