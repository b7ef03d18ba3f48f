path "a" { capabilities = [,"read"] }
