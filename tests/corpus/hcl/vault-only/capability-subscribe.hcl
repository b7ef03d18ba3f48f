path "a" { capabilities = ["subscribe"] }
