path "a" { capabilities = ["${read}"] }
