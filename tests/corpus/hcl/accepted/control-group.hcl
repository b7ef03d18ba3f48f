path "a" { capabilities = ["read"] control_group = { ttl = "1h" factor "ops" { controlled_capabilities = ["read"] identity { group_names = ["a"] approvals = 1 } } } }
