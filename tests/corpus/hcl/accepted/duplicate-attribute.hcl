path "a" { capabilities = ["read"] capabilities = ["list"] }
