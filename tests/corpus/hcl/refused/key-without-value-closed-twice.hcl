path "a" { capabilities = } }
