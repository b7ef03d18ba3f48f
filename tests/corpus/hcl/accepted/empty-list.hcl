path "a" { capabilities = [] }
