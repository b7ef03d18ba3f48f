path "a" { capabilities = ["read"], policy = "read", }
