path "a" { capabilities = ["deny"] control_group { ttl = "x" } }
