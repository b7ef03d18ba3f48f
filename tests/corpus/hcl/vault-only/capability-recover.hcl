path "a" { capabilities = ["recover"] }
